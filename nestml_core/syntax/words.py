"""The words of NESTML by what they do, for programs that show models. Tests compare these lists
with the grammar and with the predefined names."""

NAME = r"[A-Za-z_$][\w$]*"
END = r"(?![\w$])"
"""Where a name or a word ends, as regular expressions, as the next."""
NUMBER = r"(?:\d+\.(?!\.)\d*|\.\d+|\d+)(?:[eE][-+]?\d+)?"

BLOCKS = (
    *("state", "parameters", "internals", "equations", "input", "output", "update"),
    *("onReceive", "onCondition"),
)
DEFINITIONS = ("model", "function", "inline", "kernel", "recordable")
CONTROL = ("if", "elif", "else", "for", "in", "step", "while", "return")
LOGIC = ("and", "or", "not")
TYPES = ("integer", "real", "boolean", "string", "void")
PORTS = ("spike", "continuous", "excitatory", "inhibitory")
VALUES = ("true", "True", "false", "False", "inf")
RESERVED = frozenset((*BLOCKS, *DEFINITIONS, *CONTROL, *LOGIC, *TYPES, *PORTS, *VALUES))
"""What cannot be a name."""

PREDEFINED = ("e", "pi", "t")
FUNCTIONS = tuple(
    """abs ceil clip convolve cos cosh delta emit_spike erf erfc exp expm1 floor info
    integrate_odes ln log10 max min pow print println random_normal random_poisson random_uniform
    resolution round sin sinh steps tan tanh timestep warning""".split()
)

OLD_SUMS = ("curr_sum", "cond_sum")
"""Convolutions with a unit, of NESTML 3."""
