"""The language-model form, trained: KL divergence from the softmax of standardised rewards, as Zooter and the paper.

Sources: Odumakinde et al., "Multilingual Arbitrage", arXiv 2408.14960; Lu et al., "Routing to the Expert: Efficient
Reward-guided Ensemble of Large Language Models", arXiv 2311.08692.
"""

import math
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from arbitrage.errors import RouterError
from arbitrage.fitting.settings import ModelSettings
from arbitrage.routers.language_model import tokens
from arbitrage.routers.values import Floats

UNBOUNDED = 10**9
"""Models that know no limit."""
REPORTS = 20
"""How often the loss is told, at most."""


def targets(values: Floats, temperature: float) -> Floats:
    """Return the softmax of each row over its known values, 0 for what is not known; shape as given."""
    known = np.isfinite(values)
    scaled = np.where(known, values, -np.inf) / temperature
    raised = np.exp(scaled - scaled.max(1, keepdims=True))
    found: Floats = raised / raised.sum(1, keepdims=True)
    return found


def train(
    settings: ModelSettings,
    teachers: Sequence[str],
    texts: Sequence[str],
    values: Floats,
    folder: Path,
    seed: int,
    tell: Callable[[str], None],
) -> None:
    """Train a model with one output a teacher and save it, with its tokenizer, into a folder that is not there yet.

    Args:
        settings: the model and how it is trained.
        teachers: what its outputs are called.
        texts: of prompts.
        values: rewards standardised within each language, NaN where not known; shape (texts, teachers).
        folder: written whole or not at all.
        seed: of the new outputs and of the order of prompts.
        tell: told the loss from time to time.

    Raises:
        RouterError: the model cannot be loaded, or no prompt has two known teachers.
    """
    learns = np.flatnonzero(np.isfinite(values).sum(1) > 1)
    if not len(learns):
        raise RouterError(f"{settings.model}: no prompt that it may learn from has the scores of two teachers")
    try:
        import accelerate  # type: ignore[import-untyped]  # noqa: F401  (what the trainer needs)
        import torch
        from transformers import Trainer, TrainerCallback, TrainingArguments
    except ImportError as error:
        raise RouterError(
            f"{settings.model}: training needs more packages: pip install 'multilingual-arbitrage[router]'"
        ) from error
    on_gpu = torch.cuda.is_available()
    wanted = targets(values[learns], settings.temperature).astype(np.float32)

    def loss_of(outputs: Any, target: Any, num_items_in_batch: Any = None) -> Any:
        # Who is not known of a prompt takes no part in it.
        logits = outputs.logits.float().masked_fill(target == 0, -1e9)
        return torch.nn.functional.kl_div(torch.log_softmax(logits, -1), target, reduction="batchmean")

    class Telling(TrainerCallback):
        def on_log(
            self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **more: Any
        ) -> None:
            if logs and "loss" in logs and not math.isfinite(logs["loss"]):
                raise RouterError(
                    f"{settings.model}: the loss is {logs['loss']} at step {state.global_step}: lower learning_rate"
                )
            if logs and "loss" in logs:
                tell(f"step {state.global_step} of {state.max_steps}, loss {logs['loss']:.4f}")

    with TemporaryDirectory() as scratch, torch.random.fork_rng():
        torch.manual_seed(seed)
        model, tokenizer = _begin(settings, teachers)
        saved = Path(scratch) / "saved"
        # Before it cuts a text: it would be written as one that always does.
        tokenizer.save_pretrained(saved)
        if settings.gradient_checkpointing:
            model.gradient_checkpointing_enable()
        rows = [
            {"ids": tokens(tokenizer, texts[int(n)], settings.max_length), "target": wanted[place]}
            for place, n in enumerate(learns)
        ]

        def collate(batch: list[dict[str, Any]]) -> dict[str, Any]:
            padded = tokenizer.pad({"input_ids": [one["ids"] for one in batch]}, return_tensors="pt")
            return {
                "input_ids": padded["input_ids"],
                "attention_mask": padded["attention_mask"],
                "labels": torch.tensor(np.stack([one["target"] for one in batch])),
            }

        steps = -(-len(rows) // settings.batch_size) * settings.epochs
        arguments = TrainingArguments(
            output_dir=scratch,
            num_train_epochs=settings.epochs,
            learning_rate=settings.learning_rate,
            per_device_train_batch_size=settings.batch_size,
            gradient_accumulation_steps=settings.gradient_accumulation,
            warmup_steps=settings.warmup_steps,
            weight_decay=settings.weight_decay,
            logging_steps=max(1, steps // settings.gradient_accumulation // REPORTS),
            bf16=on_gpu and torch.cuda.is_bf16_supported(),
            seed=seed,
            data_seed=seed,
            logging_nan_inf_filter=False,
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
            remove_unused_columns=False,
            dataloader_pin_memory=on_gpu,
        )
        trainer = Trainer(model, arguments, train_dataset=rows, data_collator=collate, compute_loss_func=loss_of)
        trainer.remove_callback(_printer())
        trainer.add_callback(Telling())
        trainer.train()
        model.save_pretrained(saved)
        folder.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(saved, folder)


def _printer() -> Any:
    from transformers.trainer_callback import PrinterCallback

    return PrinterCallback


def _begin(settings: ModelSettings, teachers: Sequence[str]) -> tuple[Any, Any]:
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModelForSequenceClassification, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    # That the outputs are new is no news.
    verbosity = logging.get_verbosity()
    logging.set_verbosity(40)
    pin = {"revision": settings.revision, "trust_remote_code": False}
    names = {n: name for n, name in enumerate(teachers)}
    try:
        tokenizer = AutoTokenizer.from_pretrained(settings.model, **pin)
        model = AutoModelForSequenceClassification.from_pretrained(
            settings.model,
            num_labels=len(teachers),
            id2label=names,
            label2id={name: n for n, name in names.items()},
            ignore_mismatched_sizes=True,
            dtype=torch.float32,
            **pin,
        )
    except (OSError, ValueError, TypeError, KeyError, ImportError, RuntimeError, SafetensorError) as error:
        raise RouterError(f"{settings.model}: cannot be loaded to be trained: {str(error)[:300]}") from error
    finally:
        logging.set_verbosity(verbosity)
    text_config = model.config.get_text_config()
    most = min(tokenizer.model_max_length, getattr(text_config, "max_position_embeddings", UNBOUNDED))
    if settings.max_length > most:
        raise RouterError(f"max_length: {settings.model} takes {most} tokens at most, not {settings.max_length}")
    # A token to pad with that was added to a tokenizer may lie beyond the words that the model has.
    if tokenizer.pad_token_id is None or tokenizer.pad_token_id >= text_config.vocab_size:
        tokenizer.pad_token = tokenizer.eos_token
    if tokenizer.pad_token is None:
        raise RouterError(f"{settings.model}: its tokenizer has no token to pad with, and none that ends a text")
    # Padding on the right moves no position of a text.
    tokenizer.padding_side = "right"
    text_config.pad_token_id = tokenizer.pad_token_id
    model.config.pad_token_id = tokenizer.pad_token_id
    return model, tokenizer
