"""The formatter: one style, the same model, and nothing lost."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nestml_core.pipeline import check_sources, library_models
from nestml_core.solved import SolvedProgram
from nestml_core.source import Source
from nestml_core.syntax import formatting, tree
from nestml_core.syntax.formatting import TOKEN, alike, formatted
from nestml_core.syntax.layout import lay_out
from nestml_core.syntax.parse import parse
from nestml_core.testing import corpus

FILES = corpus.files()
TEXTS = {p.stem: p.read_text(encoding="utf-8") for p in corpus.files()}

NASTY = """

#head



# doc of m
model   m :

  # first

  state:


     x[ n ]   real=-1#c1
     V_m,U_m mV=   - 70   mV/ ms *ms [[V_m>- 80mV]]   @homogeneous
     # trailing of state
  parameters:
     n integer = 3
     y 1 / ( ms*mV ) **- ( 1/2 ) = 3   1/ms*mV
     z real=a [ b[1] ] ** 2
     q real = - 2**-1 + (x+1)**2 - ~3 and not-1<2
     s string = "a  #  \\" b"   # s
  equations:
     kernel g'=h-g/tau,  # one
    # between

            h'=-h/ tau ;
     V_m'=(a?b:c)+x(t-d)*\\
   3 mV* V_m/ ms ** 2 ** k
     # about U
     U_m' = ( 1 +  # open

 # inner
               2 )
  input:
     p [2]<-excitatory   spike
     c  pA<-continuous
  output :
     spike
  function f(a real,b mV)(mV*ms):
     return(a)
  update:
     for i in 0...5 step-1:
        if (a  or b)and(c)and\\
     d:
            print("a  #  b"  )   # s
            # in if
        # after if
        elif a==b and \\
   a<>b:
            return
        else:
            x+=1
  onReceive (p,priority = 3) :
    x//=2
    y = x ? 1 :\\
       2
  # end
# at zero
model b:
\tupdate:
\t\tintegrate_odes( )
\t\t# last


"""

NICE = """#head

# doc of m
model m:
    # first

    state:
        x[n] real = -1  #c1
        V_m, U_m mV = -70 mV/ms*ms [[ V_m > -80 mV ]] @homogeneous

        # trailing of state
    parameters:
        n integer = 3
        y 1/(ms*mV)**-(1/2) = 3 1/ms*mV
        z real = a[b[1] ] ** 2
        q real = -2**-1 + (x + 1) ** 2 - ~3 and not -1 < 2
        s string = "a  #  \\" b"  # s

    equations:
        kernel g' = h - g / tau,  # one
            # between

            h' = -h / tau;
        V_m' = (a ? b : c) + x(t - d) * \\
            3 mV * V_m / ms**2**k
        # about U
        U_m' = (1 +  # open

            # inner
            2)

    input:
        p[2] <- excitatory spike
        c pA <- continuous

    output:
        spike

    function f(a real, b mV) (mV*ms):
        return (a)

    update:
        for i in 0 ... 5 step -1:
            if (a or b) and (c) and \\
                    d:
                print("a  #  b")  # s
                # in if
            # after if
            elif a == b and \\
                    a <> b:
                return
            else:
                x += 1

    onReceive(p, priority=3):
        x //= 2
        y = x ? 1 : \\
            2


    # end
# at zero
model b:
    update:
        integrate_odes()
        # last
"""


def style(text: str) -> str:
    result = formatted(Source("m.nestml", text))
    assert result.value is not None, result.diagnostics
    return result.value


STYLED = {name: style(text) for name, text in TEXTS.items()}


def solved(text: str) -> SolvedProgram:
    result = check_sources([Source("m.nestml", text)])
    assert result.value is not None, result.diagnostics
    return result.value


def comments(text: str) -> list[tuple[str, bool]]:
    return [(c.text, c.own_line) for c in lay_out(Source("m", text))[0].comments]


def test_the_style() -> None:
    assert style(NASTY) == NICE
    assert style(NICE) == NICE


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_real_models_stay_what_they_are(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    new = style(text)
    assert style(new) == new
    assert comments(new) == comments(text)
    before, after = (parse(Source("m", x)).file.models for x in (text, new))
    assert alike(before, after)
    assert solved(new) == solved(text)
    for line in new.splitlines():
        assert line == line.rstrip()
        assert not line or (len(line) - len(line.lstrip())) % 4 == 0
    assert new.endswith("\n")
    assert not new.endswith("\n\n")


def respaced(text: str, choose: random.Random) -> str:
    """Return a model with other blanks between its tokens, other levels, other blank lines."""
    result: list[str] = []
    width = choose.choice((1, 2, 3, 8))
    for raw in text.split("\n"):
        body = raw.lstrip()
        lead = " " * ((len(raw) - len(body)) // 4 * width)
        code = re.match(r'(?:"(?:[^"\\]|\\.)*"|[^"#])*', body)
        assert code is not None
        remark = body[code.end() :]
        out = ""
        for m in TOKEN.finditer(code[0]):
            token = m[0]
            if token in "[]" and out.rstrip().endswith(token):
                out = out.rstrip() if code[0][m.start() - 1] == token else out + " "
            elif needs_blank(out[-1:], token[0]):
                out += " "
            out += token + " " * choose.choice((0, 0, 1, 2, 3))
        if out.rstrip().endswith("\\"):
            result.append(lead + out.rstrip())
        elif out or remark:
            result.append(lead + out + remark + " " * choose.choice((0, 1)))
            blanks = 0 if remark and not out else choose.choice((0, 0, 0, 0, 1, 3))
            result += [" " * choose.choice((0, 5))] * (blanks if "\\" not in out else 0)
        elif result and result[-1].lstrip().startswith("#"):
            result.append("")
    return "\n".join(result)


def needs_blank(before: str, token: str) -> bool:
    """Return whether two tokens would become another without a blank between them."""
    both_words = (before.isalnum() or before in "_$.") and (token.isalnum() or token in "_$.")
    return bool(before) and (both_words or (not before.isalnum() and before in "<>=*/.-+[]"))


@given(st.sampled_from(sorted(TEXTS)), st.randoms(use_true_random=False))
def test_blanks_do_not_matter(name: str, choose: random.Random) -> None:
    """However a model is spaced, the same text comes out, but for blank lines."""
    text = TEXTS[name]
    changed = respaced(text, choose)
    new = style(changed)
    assert [x for x in new.split("\n") if x] == [x for x in STYLED[name].split("\n") if x]


PIECES = (
    "# \n \n\n \\\n ( ) [ ] [[ ]] ' , ; : ? + - ** * / // not and 1 .5 2 mV ms V_m x real = <- "
    "if else: update: state: model m: \t \r\n end ... step"
).split(" ")


@given(st.sampled_from([*TEXTS.values(), NASTY]), st.data())
def test_edited_models_are_formatted_or_refused(text: str, data: st.DataObject) -> None:
    """What parses is formatted, however odd; the formatter never has to give up."""
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(text)))
        end = min(len(text), at + data.draw(st.integers(0, 6)))
        text = text[:at] + data.draw(st.sampled_from(PIECES)) + text[end:]
    result = formatted(Source("m.nestml", text))
    assert "NML950" not in {d.code.id for d in result.diagnostics}
    assert (result.value is None) == bool(result.errors)


def test_a_text_that_does_not_parse_is_reported_and_not_formatted() -> None:
    result = formatted(Source("m.nestml", "model m:\n  state:\n    x = 0\n"))
    assert result.value is None
    assert [d.code.id for d in result.diagnostics] == ["NML014"]


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("x real = 1", "x real = 2", "not the same model"),
        ("# a remark", "# another", "comment"),
        ("x real", "x x real", "does not parse"),
    ],
)
def test_a_formatter_that_errs_is_caught(
    old: str, new: str, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "model m:\n  # a remark\n  state:\n    x real = 1\n"
    good = formatting._format
    monkeypatch.setattr(formatting, "_format", lambda s, f: good(s, f).replace(old, new))
    result = formatted(Source("m.nestml", text))
    assert result.value is None
    assert [d.code.id for d in result.diagnostics] == ["NML950"]
    assert what in result.diagnostics[0].message


def test_a_formatter_that_never_settles_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    good = formatting._format

    def longer(source: Source, file: tree.File) -> str:
        return good(source, file) + "\n" * source.text.count("\n")

    monkeypatch.setattr(formatting, "_format", longer)
    result = formatted(Source("m.nestml", "model m:\n  state:\n    x real = 1\n"))
    assert [d.code.id for d in result.diagnostics] == ["NML950"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ""),
        ("\n\n", ""),
        ("# only this", "# only this\n"),
        ("\ufeff".join(["", ""]), ""),
        (
            "model m:\r\n  state:\r\n    x real = 1 # a\r\n",
            "model m:\n    state:\n        x real = 1  # a\n",
        ),
        (
            "model m:\n\tstate:\n\t\tx real = 1\n\ty",
            None,
        ),
    ],
)
def test_line_ends_and_small_texts(text: str, expected: str | None) -> None:
    assert formatted(Source("m.nestml", text)).value == expected


def test_names_that_are_units_are_spaced_as_what_they_are() -> None:
    text = "model m:\n    parameters:\n        %s ms = 1 ms\n        x real = 3 mV*ms/mV/ms\n"
    assert "3 mV*ms/mV/ms" in style(text % "a")
    assert "3 mV * ms/mV" not in style(text % "ms")
    assert "3 mV * ms / mV / ms" in style(text % "ms")


@pytest.mark.parametrize("path", library_models(), ids=lambda p: p.stem)
def test_the_shipped_models_are_in_the_style(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert formatted(Source(path.name, text)).value == text
