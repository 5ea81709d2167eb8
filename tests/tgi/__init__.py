"""A double of text-generation-inference (TGI) for tests: strict where TGI is strict, cheap everywhere else.

In a test:

    with tgi.serve(tgi.Double(model_id="org/model", latency=0.01)) as double:
        ...                                  # requests to double.url
        double.log[0].status                 # every generation request: `tgi.Request`
        double.stats["most_in_flight"]
        double.says("a prompt")              # the answer to expect
        double.faults.set(shares={"reset": 0.1}, refuse_above=8)
        double.faults.next.append("html")    # the next request, whatever it is
        double.faults.clear()

    with tgi.serve([tgi.Double(...), tgi.Double(...)]) as pool:     # a list of handles, all in one thread

As a process, `python tests/tgi/__main__.py --port 0 --config double.json`; see `__main__`. It is steered by
POST /__double__/faults (JSON with the fields of `tgi.Faults`; {} ends them all) and read by
GET /__double__/log and /__double__/stats.

What it says: by default something made of the model, the prompt and the seed (`echo`); or any function of a
`Question`; or a recording (`recorded`, `replay`), where a prompt without one is answered 424. Tokens are
counted by `count_tokens`: four characters each; an answer that ends by itself has one more.
What goes wrong on demand: see `faults`.
"""

from tgi.answers import Question, echo, key_of, recorded, replay
from tgi.chat import Template, render
from tgi.double import Double
from tgi.faults import KINDS, Faults
from tgi.log import Request
from tgi.rules import Limits
from tgi.serve import Handle, serve
from tgi.tokens import count_tokens, cut

__all__ = [
    "KINDS",
    "Double",
    "Faults",
    "Handle",
    "Limits",
    "Question",
    "Request",
    "Template",
    "count_tokens",
    "cut",
    "echo",
    "key_of",
    "recorded",
    "render",
    "replay",
    "serve",
]
