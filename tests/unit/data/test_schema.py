"""What columns are found to be, and how their cells become numbers and text again."""

import numpy as np
import pytest

from ganjax.data import schema as module
from ganjax.data.schema import (
    Categorical,
    Constant,
    Continuous,
    Key,
    Schema,
    decode,
    encode,
    fit_modes,
    from_json,
    infer,
    is_known,
    parse_kinds,
    remarks,
    to_json,
    values_of,
    with_special,
)
from ganjax.data.tables import from_frame
from ganjax.errors import UsageError


RNG = np.random.default_rng(0)
N = 120
COLUMNS = {
    "id": [f"A{i:04d}" for i in range(N)],
    "age": RNG.integers(17, 90, N),
    "gain": np.where(RNG.random(N) < 0.7, 0, RNG.lognormal(8, 1, N).round(2)),
    "job": RNG.choice(["baker", "cook", ""], N),
    "member": RNG.random(N) < 0.4,
    "country": ["US"] * N,
    "joined": [f"20{i % 20:02d}-{1 + i % 12:02d}-{1 + i % 28:02d}" for i in range(N)],
    "height": [None if i % 9 == 0 else round(1.5 + i / 300, 2) for i in range(N)],
}
TABLE = from_frame(COLUMNS)
SCHEMA = infer(TABLE, {"gain": with_special(0)}, "job")


def column(values, kind=module.inferred):
    return kind("x", from_frame({"x": values}).column("x"))


def test_each_column_is_found_to_be_what_it_is():
    kinds = {each.name: type(each) for each in SCHEMA.columns}
    assert kinds == {
        "id": Key,
        "age": Continuous,
        "gain": Continuous,
        "job": Categorical,
        "member": Categorical,
        "country": Constant,
        "joined": Continuous,
        "height": Continuous,
    }


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([0, 1] * 20, Categorical),  # a boolean
        (
            ["01234", "98765"] * 20,
            Categorical,
        ),  # codes, whose zeros a number would lose
        (list(range(5, 45)), Key),
        (
            RNG.permutation(60)[:40].tolist(),
            Key,
        ),  # counted rows, of which some are gone
        ([2**60 + i for i in range(40)], Key),  # beyond what a float holds exactly
        ([0.5, 1.5, 0.5, 1.5], Continuous),
        ([None, None, None], Constant),
        ([7, None, 7], Categorical),
        (["1e3", "2.5E-2", "-3"] * 3, Continuous),
    ],
)
def test_what_numbers_and_codes_are(values, kind):
    assert isinstance(column(values), kind)


def test_rows_come_back_as_they_were_but_for_keys():
    back = decode(SCHEMA, encode(SCHEMA, TABLE))
    assert back.names == TABLE.names
    for name in TABLE.names[1:]:
        assert back.column(name).tolist() == TABLE.column(name).tolist(), name


def test_keys_are_new_and_go_on_where_the_others_end():
    back = decode(SCHEMA, encode(SCHEMA, TABLE)).column("id")
    assert back[0] == "A0120" and len({*back, *TABLE.column("id")}) == 2 * N


def test_values_outside_of_the_modes_stay_within_the_range_of_the_column():
    rows = encode(SCHEMA, TABLE)
    far = rows._replace(position=np.where(rows.position > 0, 5.0, -5.0))
    back = decode(SCHEMA, far)
    ages = back.column("age").astype(int)
    assert ages.min() >= min(COLUMNS["age"]) and ages.max() <= max(COLUMNS["age"])
    days = sorted(back.column("joined"))
    assert min(COLUMNS["joined"]) <= days[0] and days[-1] <= max(COLUMNS["joined"])


def test_a_position_counts_four_deviations_of_its_mode():
    """Xu et al. (2019), section 4.2, and the constants of the package."""
    age = SCHEMA.continuous[0]
    rows = encode(SCHEMA, TABLE)
    values, code = TABLE.column("age").astype(float), rows.code[:, 0]
    means, stds = np.asarray(age.means), np.asarray(age.stds)
    wanted = ((values - means[code]) / (4 * stds[code])).clip(-0.99, 0.99)
    np.testing.assert_allclose(rows.position[:, 0], wanted, rtol=1e-5, atol=1e-6)


def test_a_mode_is_drawn_from_its_posterior():
    """Two modes that overlap: halfway, half of the rows belong to either."""
    both = Continuous("x", (0.5, 0.5), (-1.0, 1.0), (1.0, 1.0), -5, 5, 1)
    other = both._replace(weights=(0.9, 0.1))
    table = from_frame({"x": [0.0] * 4_000})
    for each, share in ((both, 0.5), (other, 0.1)):
        code = encode(Schema((each,)), table).code
        np.testing.assert_allclose(code.mean(), share, atol=0.03)


def test_modes_of_little_weight_are_left_out():
    values = np.concatenate([RNG.normal(-5, 0.5, 600), RNG.normal(5, 0.5, 200)])
    weights, means, stds = fit_modes(values)
    assert len(weights) == len(means) == len(stds) <= module.MAX_MODES
    assert min(weights) > module.MIN_MODE_WEIGHT and min(stds) > 0
    near = np.abs(np.asarray(means)[:, None] - [-5, 5]).min(1)
    assert near.max() < 1.5, "each mode is within one of the two groups"


def test_special_and_missing_values_are_modes_of_their_own():
    gain, height = SCHEMA.continuous[1], SCHEMA.continuous[3]
    assert gain.special == (0.0,) and height.missing == ""
    rows = encode(SCHEMA, TABLE)
    names = [each.name for each in SCHEMA.modeled]
    is_zero = rows.code[:, names.index("gain")] == len(gain.means)
    assert is_zero.tolist() == (np.asarray(COLUMNS["gain"]) == 0).tolist()
    absent = np.isnan(values_of(SCHEMA, rows)[:, names.index("height")])
    assert absent.tolist() == [x is None for x in COLUMNS["height"]]


def test_a_value_that_many_rows_have_is_special_without_being_named():
    """CTAB-GAN's mixed type: most people have no gain, some one of a kind."""
    found = infer(TABLE)
    gain = next(each for each in found.continuous if each.name == "gain")
    assert gain == SCHEMA.continuous[1]
    assert remarks(found)[0].startswith(
        "Special values, each a mode of its own: gain (0)."
    )
    named = column(COLUMNS["gain"], module.continuous)
    assert isinstance(named, Continuous) and named.special == (), "as it is asked for"


@pytest.mark.parametrize(
    ("values", "special"),
    [
        ([*range(100), *([0] * 10)], ()),  # a value like others
        ([0.5] * 50 + list(RNG.normal(size=100).round(3)), (0.5,)),
        ([0.0] * 40 + [99.5] * 40 + list(RNG.normal(size=60).round(3)), (0.0, 99.5)),
        ([0.5, 1.5, 2.5] * 10, ()),  # of so few values each has many rows
        ([0.0] * 50 + [None] * 200 + list(RNG.normal(size=100).round(3)), (0.0,)),
    ],
)
def test_which_values_are_special(values, special):
    found = column(values)
    assert isinstance(found, Continuous) and found.special == special


def test_a_schema_is_recorded_as_text():
    again = from_json(to_json(SCHEMA))
    assert again == SCHEMA and "\n" not in to_json(SCHEMA)


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"columns": [{"kind": "x"}]}'])
def test_text_that_is_no_schema_is_a_sentence(text):
    with pytest.raises(UsageError, match="not the schema of a table"):
        from_json(text)


def test_conditions_are_the_values_of_categorical_columns_as_often_as_they_occur():
    assert SCHEMA.conditions[3:] == ("member=False", "member=True")
    assert SCHEMA.conditions[:3] == ("job=", "job=baker", "job=cook")
    members = np.mean(COLUMNS["member"])
    np.testing.assert_allclose(SCHEMA.frequencies[4], members / 2)
    np.testing.assert_allclose(sum(SCHEMA.frequencies), 1)


def test_ten_thousand_categories_share_an_output_and_are_drawn_as_they_occur(
    monkeypatch,
):
    monkeypatch.setattr(module, "MAX_CATEGORIES", 3)
    values = ["a"] * 50 + ["b"] * 40 + [f"c{i}" for i in range(10)]
    table = from_frame({"x": values, "y": [0, 1] * 50})
    schema = infer(table)
    assert schema.categorical[0].width == 3
    assert schema.conditions[:3] == ("x=a", "x=b", "x=any rare value")
    (sentence,) = remarks(schema)
    assert "has 12 values: the rarest 10 are one category" in sentence
    back = decode(schema, encode(schema, table)).column("x")
    assert back[:90].tolist() == values[:90]
    assert len({*back[90:]}) > 3 and {*back[90:]} <= {*values[90:]}


@pytest.mark.parametrize(
    ("name", "row", "says"),
    [
        ("member", {"member": "maybe"}, "has the value 'maybe'"),
        ("age", {"age": "old"}, "has 'old' where numbers or dates are expected"),
        ("age", {"age": ""}, "has missing values here and had none"),
    ],
)
def test_rows_with_new_values_are_known_before_and_refused(name, row, says):
    cells = dict(zip(TABLE.names, TABLE.cells[0], strict=True)) | row
    table = from_frame({key: [value] for key, value in cells.items()})
    with pytest.raises(UsageError, match=says):
        encode(SCHEMA, table)
    if row[name] != "old":
        assert is_known(SCHEMA, table).tolist() == [False]
    assert is_known(SCHEMA, TABLE).all()


@pytest.mark.parametrize(
    ("columns", "kinds", "target", "says"),
    [
        ({"x": [1, 1]}, {}, "", "No column of the table"),
        ({"x": ["a", "b"]}, {"y": module.key}, "", "no column 'y'"),
        ({"x": ["a", "b"]}, {"x": module.continuous}, "", "holds text, as in 'a'"),
        ({"x": ["a", "b"], "c": [1, 1]}, {}, "c", "is constant or a key"),
        ({"x": [0.0, 0.0, 1.0]}, {"x": with_special(0, 1)}, "", "but special ones"),
    ],
)
def test_what_a_column_cannot_be_is_a_sentence(columns, kinds, target, says):
    with pytest.raises(UsageError, match=says):
        infer(from_frame(columns), kinds, target)


def test_flags_name_kinds():
    kinds = parse_kinds(["a=b=key", "gain=0,99999"])
    assert kinds["a=b"] is module.key
    gain = column([0.0, 1.5, 99999.0, 2.5], kinds["gain"])
    assert isinstance(gain, Continuous) and gain.special == (0.0, 99999.0)
    for text in ("gain", "gain=much"):
        with pytest.raises(UsageError, match="not the kind of a column"):
            parse_kinds([text])


def test_decimal_commas_are_read_and_written_and_thousands_are_not_taken_for_them():
    values = ["1,5", "2", "-0,25", "3,125"] * 5
    table = from_frame({"x": values})
    schema = infer(table)
    assert schema.continuous[0].low == -0.25
    assert decode(schema, encode(schema, table)).column("x").tolist() == values
    assert isinstance(column(["1,234", "5,678", "900"] * 5), Categorical)


@pytest.mark.parametrize(
    "day", ["Feb 03 2020", "03.02.2020", "2020-02-03 04:05:06", "2020/02/03"]
)
def test_dates_come_back_in_their_own_format(day):
    later = day.replace("3", "4", 1)
    table = from_frame({"x": [day, later] * 5})
    schema = infer(table)
    assert schema.continuous[0].date
    assert (
        decode(schema, encode(schema, table)).column("x").tolist() == [day, later] * 5
    )
