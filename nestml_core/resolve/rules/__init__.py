"""Context conditions: what is wrong with a model whose every line is right by itself."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from nestml_core.diagnostics import Diagnostic
from nestml_core.model import Model
from nestml_core.resolve.rules.compartments import (
    decorators_mean_something,
    each_receptor_has_one_port,
    mechanisms_share_nothing,
    other_mechanisms_have_no_port,
    statements_play_a_role,
    the_potential_is_declared,
)
from nestml_core.resolve.rules.equations import (
    derivatives_have_their_unit,
    equations_are_integrated,
    equations_draw_no_random_numbers,
    every_equation_is_integrated,
    initial_values_belong_to_kernels,
    integrated_variables_have_equations,
    kernels_are_plain_numbers,
    one_equation_each,
    state_changes,
)
from nestml_core.resolve.rules.events import (
    conditions_stand_in_their_order,
    models_send_something,
    priorities_give_an_order,
    spikes_need_an_output,
    time_passes_once,
)
from nestml_core.resolve.rules.flow import (
    conditions_depend_on_something,
    every_statement_is_reached,
    locals_stay_in_their_block,
    loops_end,
    reals_are_not_compared_for_equality,
    statements_have_an_effect,
)
from nestml_core.resolve.rules.functions import (
    functions_return,
    recursion_ends,
)
from nestml_core.resolve.rules.guards import (
    defaults_keep_their_guards,
    words_have_a_meaning,
)
from nestml_core.resolve.rules.names import (
    everything_is_used,
    names_are_not_hidden,
    names_are_not_reserved,
    names_do_not_look_like_units,
)
from nestml_core.resolve.rules.precedence import (
    powers_have_their_operator,
    read_in_one_way_only,
)
from nestml_core.resolve.rules.survey import Survey, survey
from nestml_core.syntax import tree

Rule = Callable[[Survey], Iterable[Diagnostic]]

RULES: tuple[Rule, ...] = (
    one_equation_each,
    equations_are_integrated,
    derivatives_have_their_unit,
    equations_draw_no_random_numbers,
    priorities_give_an_order,
    spikes_need_an_output,
    functions_return,
    locals_stay_in_their_block,
    the_potential_is_declared,
    each_receptor_has_one_port,
    other_mechanisms_have_no_port,
    mechanisms_share_nothing,
)
"""Each looks at the whole model, changes nothing and depends on no other."""

ADVICE: tuple[Rule, ...] = (
    initial_values_belong_to_kernels,
    kernels_are_plain_numbers,
    every_equation_is_integrated,
    integrated_variables_have_equations,
    state_changes,
    conditions_stand_in_their_order,
    time_passes_once,
    models_send_something,
    every_statement_is_reached,
    conditions_depend_on_something,
    loops_end,
    statements_have_an_effect,
    reals_are_not_compared_for_equality,
    recursion_ends,
    defaults_keep_their_guards,
    words_have_a_meaning,
    everything_is_used,
    names_are_not_hidden,
    names_are_not_reserved,
    names_do_not_look_like_units,
    read_in_one_way_only,
    powers_have_their_operator,
    decorators_mean_something,
    statements_play_a_role,
)
"""Rules that presume a sound model: with errors in it, what they find may be their consequence."""


def violations(
    model: Model,
    model_tree: tree.Model,
    mentioned: Collection[str],
    found: Collection[Diagnostic] = (),
    lost: Collection[str] = (),
    *,
    complete: bool = True,
) -> tuple[Diagnostic, ...]:
    """Return what the rules find in ``model``.

    Parameters
    ----------
    model_tree : what ``model`` was made from
    mentioned : the global names that some expression reads
    found : what is known to be wrong with it already
    lost : words in lines that did not parse
    complete : whether all of its text could be parsed
    """
    walked = survey(model, model_tree, mentioned, lost)
    broken = tuple(d for rule in RULES for d in rule(walked))
    if not complete or any(d.is_error for d in (*found, *broken)):
        return broken
    return (*broken, *(d for rule in ADVICE for d in rule(walked)))
