"""Errors that a person is meant to read: what happened, where, and what to do about it.

ArbitrageError
├── RecipeError      the recipe asks for something that cannot be
├── PromptError      prompts cannot be read
├── TeacherError     a teacher is not who the recipe says, or lets nobody in
├── TranslationError  the translator cannot be used
│   └── TranslatorDown   it fails or does not answer; the same command may succeed later
├── BudgetSpent      `max_usd` is spent; with a higher one the same command goes on
├── RewardError      a reward function misbehaved
├── RouterError      a router misbehaved
├── StoreError       the run's store cannot be used
├── DatasetError     a dataset folder is not what its manifest says
├── WorldUnfinished  a process that trains the small world died; the same command goes on
├── HubError         the Hub refuses, or holds what it should not
│   └── HubUnavailable   the Hub failed or cannot be reached; the same command may succeed later
└── Interrupted      Ctrl-C; everything durable stays
"""


class ArbitrageError(Exception):
    """The command cannot go on; the message is shown as it is and `exit_code` ends the process."""

    exit_code = 2


class RecipeError(ArbitrageError):
    """The recipe asks for something that cannot be."""


class PromptError(ArbitrageError):
    """Prompts cannot be read."""


class TeacherError(ArbitrageError):
    """A teacher is not who the recipe says, or lets nobody in."""


class TranslationError(ArbitrageError):
    """The translator cannot be used."""


class TranslatorDown(TranslationError):
    """The translator fails or does not answer; the same command may succeed later."""

    exit_code = 1


class BudgetSpent(ArbitrageError):
    """The recipe's `max_usd` is spent; with a higher one the same command goes on."""

    exit_code = 1


class RewardError(ArbitrageError):
    """A reward function misbehaved."""


class CheckError(ArbitrageError):
    """A check of the recipe's own misbehaved."""


class RouterError(ArbitrageError):
    """A router misbehaved."""


class StoreError(ArbitrageError):
    """The run's store cannot be used."""


class DatasetError(ArbitrageError):
    """A dataset folder is not what its manifest says."""


class WorldUnfinished(ArbitrageError):
    """A process that trains models of the small world died; the same command goes on."""

    exit_code = 1


class HubError(ArbitrageError):
    """The Hub refuses, or holds what it should not."""


class HubUnavailable(HubError):
    """The Hub failed or cannot be reached; the same command may succeed later."""

    exit_code = 1


class Interrupted(ArbitrageError):
    """The user stopped the command; everything durable stays."""

    exit_code = 130
