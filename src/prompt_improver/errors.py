"""Every error that Prompt Improver raises on purpose.

    PromptImproverError
    ├── DataShortfall          exit 1: the data fell short of a promise or a threshold
    ├── InputError             exit 2: bad input or usage
    │   ├── DomainError        a domain file: names file, family and key
    │   ├── RecipeError        a recipe: names file and key
    │   └── CapacityError      more rows asked than the content can say
    ├── EnvironmentFailure     exit 3: database, disk or network
    │   ├── SchemaError        the database's tables are not of this version
    │   └── MissingExtra       a package that only some commands need is not installed
    └── PrivacyStop            exit 5: a privacy or security stop

A message says what was expected, what came and what to do next.
"""

__all__ = [
    "CapacityError",
    "DataShortfall",
    "DomainError",
    "EnvironmentFailure",
    "InputError",
    "MissingExtra",
    "PrivacyStop",
    "PromptImproverError",
    "RecipeError",
    "SchemaError",
]


class PromptImproverError(Exception):
    """Root of the tree; `exit_code` is what the command line ends with."""

    exit_code = 2


class DataShortfall(PromptImproverError):
    """The data fell short of a promise or a threshold."""

    exit_code = 1


class InputError(PromptImproverError):
    """Bad input or usage."""


class DomainError(InputError):
    """A mistake in a domain file; the message names file, family and key."""


class RecipeError(InputError):
    """A mistake in a recipe; the message names file and key."""


class CapacityError(InputError):
    """More rows were asked for than the content can say without repeating itself."""


class EnvironmentFailure(PromptImproverError):
    """Database, disk or network does not do what it must."""

    exit_code = 3


class SchemaError(EnvironmentFailure):
    """The database's tables are not of this version."""


class MissingExtra(EnvironmentFailure):
    """A package that only some commands need is not installed; the message says how to install it."""


class PrivacyStop(PromptImproverError):
    """A privacy or security check stopped the work."""

    exit_code = 5
