"""The installer: settings, schema, bootstrap, readiness check. Running it again changes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL

from prompt_improver.errors import PromptImproverError
from prompt_improver.installation.bootstrap import bootstrap_database
from prompt_improver.installation.outcome import Outcome, Progress
from prompt_improver.recipe.recipe import Recipe
from prompt_improver.settings import Settings, data_folder, load_settings, settings_file, write_settings
from prompt_improver.storage.connect import open_engine
from prompt_improver.storage.schema import prepare_schema
from prompt_improver.storage.urls import database_url, shown

__all__ = ["Installation", "install", "resolve_url"]


@dataclass(frozen=True, slots=True)
class Installation:
    """What the installer left behind.

    `failure` holds what stopped the bootstrap; settings and schema are in place all the same, and the tool works.
    """

    settings: Path
    settings_written: bool
    schema: str
    where: str
    bootstrap: Outcome | None
    failure: PromptImproverError | None

    @property
    def changed(self) -> bool:
        """Whether anything was made or changed."""
        return self.settings_written or self.schema != "current" or (self.bootstrap is not None and self.bootstrap.written)


def resolve_url(given: str | None) -> URL:
    """The database: as given, else from the environment, the settings file, or SQLite in the data folder.

    Raises:
        InputError: not an address that we know, or a broken settings file.
    """
    return database_url(given or load_settings().database_url, data_folder())


async def install(*, url: str | None = None, recipe: Recipe | None = None, bootstrap: bool = True, progress: Progress | None = None) -> Installation:
    """Installs, from any program; the event loop goes on while rows are made.

    Args:
        url: the database, kept in the settings file if there is none yet; None for the default.
        recipe: what to make; None for 1000 rows of the built-in domains.
        bootstrap: whether to make rows on a cold start.
        progress: told of rows as they are made and checked.

    Raises:
        InputError: the URL or settings are wrong.
        EnvironmentFailure: settings or schema could not be written.
    """
    target = resolve_url(url)
    engine = open_engine(target)
    try:
        schema = await prepare_schema(engine)
    finally:
        await engine.dispose()
    written = write_settings(Settings(database_url=url))
    outcome, failure = None, None
    if bootstrap:
        try:
            outcome = await bootstrap_database(recipe or Recipe(), target, progress=progress)
        except PromptImproverError as error:
            failure = error
    return Installation(settings_file(), written, schema, shown(target), outcome, failure)
