"""Tables that are printed as their numbers come in."""

from ganjax.report.markdown import print_header, print_row


def test_a_table_has_a_head_a_rule_and_its_rows(capsys):
    print_header(["name", "FID", "steps"])
    print_row(["a", "1.5", "9"])
    said = capsys.readouterr().out
    assert said == "| name | FID | steps |\n|---|---|---|\n| a | 1.5 | 9 |\n"
