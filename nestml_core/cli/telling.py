"""The commands that tell what there is: backends, and what diagnostics mean."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from nestml_core.cli.output import ERROR, OK, report


def backends(args: argparse.Namespace) -> int:
    from nestml_core.backend import Feature
    from nestml_core.plugins import discover

    found = discover()
    if args.json:
        return _backends_json(found)
    if not found.backends and not found.broken:
        print("no backend is installed; try `pip install nestml-cpp`")
    for b in found.backends:
        print(f"{b.name} {b.version}: {b.summary}")
        can = [f.value for f in Feature if f in b.supports.features]
        print(f"  can: {'; '.join(can)}")
        for tool in b.toolchain().tools:
            state = (
                f"found, {tool.detail}" if tool.found else f"missing, {tool.detail}".rstrip(", ")
            )
            print(f"  {tool.name}: {state}")
            if not tool.found and tool.install:
                print(f"    install it: {tool.install}")
    for broken in found.broken:
        print(f"{broken.entry_point} ({broken.distribution}) is broken: {broken.problem}")
    return OK


def _backends_json(found: Any) -> int:
    import dataclasses
    import json

    backends = [
        {
            "name": b.name,
            "version": b.version,
            "summary": b.summary,
            "features": sorted(f.name for f in b.supports.features),
            "tools": [dataclasses.asdict(t) for t in b.toolchain().tools],
        }
        for b in found.backends
    ]
    broken = [dataclasses.asdict(b) for b in found.broken]
    print(json.dumps({"backends": backends, "broken": broken}, indent=2))
    return OK


def explain(args: argparse.Namespace) -> int:
    from nestml_core.explaining import as_json, as_text, explanations, listing

    every = explanations()
    for problem in every.broken:
        print(f"nestml: not an explanation: {problem}", file=sys.stderr)
    results = [every.of(code) for code in dict.fromkeys(args.codes)]
    found = [r.value for r in results if r.value is not None]
    report([d for r in results for d in r.diagnostics], args)
    if args.json:
        import json

        print(json.dumps([as_json(e) for e in (found if args.codes else every.found)], indent=2))
    elif args.codes:
        print("\n\n".join(as_text(e) for e in found), end="\n" if found else "")
    else:
        print(listing(every.found))
    return OK if len(found) == len(results) else ERROR
