"""Random tables of rows, as ugly as their types allow."""

import pyarrow as pa
from hypothesis import strategies as st

from prompt_improver.batch import ROW_SCHEMA, Batch, Origin

ORIGIN = Origin("r" * 32, 7, 3, "f" * 32, "prompt-features/1", "0")
NASTY = [
    '"',
    "\\",
    "\n",
    "\r",
    "\t",
    "\b",
    "\f",
    "\x00",
    "\x01",
    "\x1f",
    "\x7f",
    "\x85",
    "\u2028",
    "\u2029",
    "\ufeff",
    "é",
    "字",
    "😀",
    "'",
    ",",
    "=",
    " ",
    "a",
]
ORDINARY = st.characters(exclude_categories=["Cs"])


def texts(*, nul: bool) -> st.SearchStrategy[str]:
    """Unicode texts in which every second character is one that some format escapes; empty ones and long ones too."""
    nasty = st.sampled_from([char for char in NASTY if nul or char != "\0"])
    ordinary = ORDINARY if nul else st.characters(exclude_categories=["Cs"], exclude_characters="\0")
    return st.one_of(st.text(st.one_of(nasty, ordinary), max_size=30), st.just("x" * 3000 + '"'))


FLOATS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.floats(0, 1),
    st.integers(0, 10_000).map(lambda whole: whole / 10_000),
    st.integers(0, 1_000_000).map(lambda whole: whole / 1_000_000),
    st.sampled_from([0.0, -0.0, 1.0, -1.0, 0.1 + 0.2, 5e-324, 1.7976931348623157e308, 1e-5, 1e-4, 1e-3, 1e9, 1e10, 1e15, 1e16, 1e22, 123456789.5]),
)


def columns(*, nul: bool) -> dict[str, st.SearchStrategy[object]]:
    """A strategy for the values of each column."""
    text = texts(nul=nul)
    found: dict[str, st.SearchStrategy[object]] = {}
    for field in ROW_SCHEMA:
        if pa.types.is_list(field.type):
            found[field.name] = st.lists(text, max_size=3)
        elif pa.types.is_string(field.type):
            found[field.name] = text
        elif pa.types.is_boolean(field.type):
            found[field.name] = st.booleans()
        elif pa.types.is_floating(field.type):
            found[field.name] = FLOATS
        else:
            found[field.name] = st.one_of(st.integers(-(2**63), 2**63 - 2), st.integers(-1, 1))
    return found


def tables(**forced: st.SearchStrategy[object]) -> st.SearchStrategy[pa.Table]:
    """Tables of `ROW_SCHEMA`; some begin in the middle of a longer one, or come in several chunks."""
    row = st.fixed_dictionaries({**columns(nul=True), **forced})

    def build(made: tuple[list[dict[str, object]], int, bool]) -> pa.Table:
        rows, skipped, chunked = made
        table = pa.Table.from_pylist(rows, schema=ROW_SCHEMA)
        if chunked and len(rows) > 1:
            table = pa.concat_tables([table.slice(0, 1), table.slice(1)])
        return table.slice(min(skipped, len(rows)))

    return st.tuples(st.lists(row, max_size=6), st.integers(0, 2), st.booleans()).map(build)


def batch_of(table: pa.Table) -> Batch:
    """The table as a batch of some run."""
    return Batch(ORIGIN, table)
