"""Recipes: frozen, checked, fingerprinted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prompt_improver.errors import RecipeError
from prompt_improver.recipe.recipe import Recipe, load_recipe, make_recipe


@pytest.mark.parametrize(
    "fields, told",
    [
        ({"samples": 0}, "'samples'"),
        ({"samples": -1}, "'samples'"),
        ({"samples": "abc"}, "'samples'"),
        ({"samples": 10.5}, "'samples'"),
        ({"seed": -1}, "'seed'"),
        ({"seed": 2**64}, "'seed'"),
        ({"noise": 0.95}, "'noise'"),
        ({"noise": float("nan")}, "'noise'"),
        ({"colour": 1}, "'colour' is not a known key"),
        ({"domain_distribution": {}}, "names no domain"),
        ({"domain_distribution": {"technical": 0.5, "creative": 0.4}}, "shares add up to 0.9; expected 1"),
        ({"domain_distribution": {"technical": 1.5, "creative": -0.5}}, "share of 'technical'"),
    ],
)
def test_bad_fields_are_named(fields, told):
    with pytest.raises(RecipeError) as caught:
        make_recipe(fields)
    assert told in str(caught.value)


@given(
    st.dictionaries(
        st.sampled_from([*Recipe.model_fields, "x"]),
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text(max_size=9)
        | st.lists(st.integers(), max_size=2)
        | st.dictionaries(st.text(max_size=4), st.floats(), max_size=3),
        max_size=4,
    )
)
def test_any_fields_make_a_recipe_or_a_clear_error(fields):
    try:
        recipe = make_recipe(fields)
    except RecipeError:
        return
    assert recipe.samples >= 1


@pytest.mark.parametrize(
    "content, told", [("samples = ", "not a TOML file"), ("a = " + "[" * 5000, "nested too deeply"), ("\xff", "not a TOML file")]
)
def test_broken_files_are_named(tmp_path, content, told):
    path = tmp_path / "recipe.toml"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(RecipeError) as caught:
        load_recipe(path)
    assert told in str(caught.value)
    assert "recipe.toml" in str(caught.value)


def test_the_fingerprint_tells_rows_apart_but_not_sizes():
    one = make_recipe({})
    assert one.fingerprint("c") == make_recipe({"samples": 7, "seed": 9}).fingerprint("c")
    assert one.fingerprint("c") != make_recipe({"noise": 0.5}).fingerprint("c")
    assert one.fingerprint("c") != one.fingerprint("d")
