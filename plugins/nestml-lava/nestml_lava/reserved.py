"""Names that generated code cannot give to what stands in a model."""

from __future__ import annotations

from nestml_core.api import PYTHON_RESERVED


def words(text: str) -> frozenset[str]:
    return frozenset(text.split())


LAVA = words(
    """
    Phase Response add_ports_for_polling advance_to_time_step compile create_runtime folded_view
    folded_view_inst_id id implements_process implements_protocol in_ports is_compiled
    is_sub_proc_of join load log lrn_guard model model_class model_id name on_var_update out_ports
    parent_proc pause phase post_guard pre_guard proc_params process_to_service procs
    propagate_folded_views py_ports ref_ports register_sub_procs required_resources run run_lrn
    run_post_mgmt run_pre_mgmt run_spk runtime save service_to_process start stop tags time_step
    validate_var_aliases var_id_to_var_map var_ports vars wait
    """
)
"""Attributes of Lava's ``AbstractProcess`` and ``PyLoihiProcessModel`` without underscore."""

PROCESS = LAVA | words("INTERFACE MEMBER shape dt seed recorder log_config signal spike")
"""Attributes, ports and keywords of every generated process."""

SYNAPSES = words(
    """
    EVENTS a_out advance connected delay_ms events matrix modulators negative_out pairs peek
    post_shape pre_shape send_due sources splits take targets third_factors inputs
    """
)
"""The same of every process of synapses."""

POPULATION = words(
    """
    copy dt emissions emitted emitted_weight enter everyone generator guard histories loop_passes
    member name numbers place resolution shape step_number t unchanged
    """
)
"""What the values of a population hold beside the model's own."""

MODULE = words(
    """
    CPU Delayed EVENTS Events InPort InProcess InProcessNetwork Interface LavaPyType LoihiProtocol
    OutPort Population PopulationModel PyInPort PyOutPort Recorder SpikeSource Synapses
    SynapsesModel active bitwise connect connection count_pass delay_steps delayed element emit ends
    events expdd exponential_euler forward_euler given implements inprocess integrators linear
    matrix_exponential network np pending population random_normal random_poisson random_uniform
    requires result rk4 rk45 rosenbrock round_half_away run rush_larsen say special statements tag v
    variable passed relayed vector whole_steps wired wiring with_element with_elements Rule RULE
    Third WHOLE_MODELS learning run_network
    """
)
"""Names that the generated module uses itself."""

BUILTINS = words(
    """
    BaseException FloatingPointError KeyError RuntimeError TypeError ValueError abs all any bool
    classmethod dict enumerate f float frozenset getattr hasattr int isinstance len list map max min
    property range repr round set setattr sorted staticmethod str sum super tuple vars zip
    """
)

MODULES = words(
    """
    abc aifc antigravity argparse array ast asynchat asyncio asyncore atexit audioop base64 bdb
    binascii binhex bisect builtins bz2 cProfile calendar cgi cgitb chunk cmath cmd code codecs
    codeop collections colorsys compileall concurrent configparser contextlib contextvars copy
    copyreg crypt csv ctypes curses dataclasses datetime dbm decimal difflib dis distutils doctest
    email encodings ensurepip enum errno faulthandler fcntl filecmp fileinput fnmatch fractions
    ftplib functools gc genericpath getopt getpass gettext glob graphlib grp gzip hashlib heapq
    hmac html http idlelib imaplib imghdr imp importlib inspect io ipaddress itertools json keyword
    lib2to3 linecache locale logging lzma mailbox mailcap marshal math mimetypes mmap modulefinder
    msilib msvcrt multiprocessing netrc nis nntplib nt ntpath nturl2path numbers opcode operator
    optparse os ossaudiodev pathlib pdb pickle pickletools pipes pkgutil platform plistlib poplib
    posix posixpath pprint profile pstats pty pwd py_compile pyclbr pydoc pydoc_data pyexpat queue
    quopri random re readline reprlib resource rlcompleter runpy sched secrets select selectors
    shelve shlex shutil signal site smtpd smtplib sndhdr socket socketserver spwd sqlite3
    sre_compile sre_constants sre_parse ssl stat statistics string stringprep struct subprocess
    sunau symtable sys sysconfig syslog tabnanny tarfile telnetlib tempfile termios textwrap this
    threading time timeit tkinter token tokenize trace traceback tracemalloc tty turtle turtledemo
    types typing unicodedata unittest urllib uu uuid venv warnings wave weakref webbrowser winreg
    winsound wsgiref xdrlib xml xmlrpc zipapp zipfile zipimport zlib zoneinfo
    asteval cloudpickle joblib lava networkx numpy scipy sklearn test tests
    """
)
"""Modules of Python 3.10 and of Lava's dependencies, which a package must not hide."""

VARIABLES = PYTHON_RESERVED | PROCESS | POPULATION
"""For what becomes a variable, a port or a derived constant."""

MODELS = PYTHON_RESERVED | MODULE | BUILTINS | MODULES
"""For the process class and its package."""

LOCALS = PYTHON_RESERVED | MODULE | BUILTINS
"""For local variables and arguments."""
