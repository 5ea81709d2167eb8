"""Load every config of every version in one cache, whole and as a stream; print the prompt ids. Needs `datasets`."""

import json
import sys

from datasets import get_dataset_config_names, load_dataset

found = {}
for revision in sys.argv[2:]:
    found[revision] = {}
    for config in get_dataset_config_names(sys.argv[1], revision=revision):
        whole = load_dataset(sys.argv[1], config, revision=revision)
        rows = {split: whole[split]["prompt_id"][:] for split in whole}
        if "-" not in config:
            for split in rows:
                stream = load_dataset(sys.argv[1], config, split=split, revision=revision, streaming=True)
                assert [row["prompt_id"] for row in stream] == rows[split], (revision, config, split)
        found[revision][config] = rows
print(json.dumps(found))
