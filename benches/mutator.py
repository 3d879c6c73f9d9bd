#!/usr/bin/env python3
"""What the mutator finds of smoltcp's TCP input path, against libFuzzer's own mutation.

    benches/mutator.py [--seconds 60] [--runs 1] [--seed 1] [--core 0] [--least 2.0]

Two targets with one body (fuzz/src/smoltcp_tcp.rs: sequences of frames into a smoltcp host, checksums checked, built
with --no-cfg-fuzzing) start from the same seeds (fixtures/corpus/smoltcp_tcp), run for as long on one core, one after
the other, with the same libFuzzer options. Then one binary replays the seeds, and each corpus, and libFuzzer says which
edges were covered (-print_coverage=1).

An edge is libFuzzer's: one counter of SanitizerCoverage (inline-8bit-counters), the thing that it calls `cov`. Counted are
those in functions of smoltcp that read a segment, tell whose it is and take it in (INPUT below): by the source file of
the function, as the binary's line tables tell it, without the functions that only write segments.

Prints edges of the seeds, of plain mutation and of ours, and the ratio of what each found beyond the seeds; fails when
that is below --least. Needs nightly, cargo-fuzz and llvm-symbolizer (Debian's llvm-22: /usr/lib/llvm-22/bin).
"""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
SEEDS = ROOT / "fixtures/corpus/smoltcp_tcp"
OURS, PLAIN = "smoltcp_tcp", "smoltcp_tcp_octets"

# Files of smoltcp in which a segment comes in.
INPUT = re.compile(r"/smoltcp-[^/]*/src/(socket/tcp\.rs|socket/tcp/|wire/tcp\.rs|iface/interface/tcp\.rs|storage/assembler\.rs)")
# Functions of those files that write segments, or that the application calls.
OUTPUT = re.compile(
    r"::(dispatch|emit|emit_header|poll_at|buffer_len|header_len|fill_checksum|reset|new|listen|connect|close|abort|"
    r"send|send_slice|send_impl|recv|recv_slice|recv_impl|peek|set_\w+|\w+_to_transmit|window_to_update|flight_size|"
    r"cwnd_remaining|on_rto|rewind_zero_window_probe|fmt)\b"
)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1, help="of the first run; each further has the next")
    parser.add_argument("--core", type=int, default=0)
    parser.add_argument("--least", type=float, default=2.0)
    parser.add_argument("--no-build", action="store_true", help="take the binaries that are there")
    parser.add_argument("--functions", action="store_true", help="print the edges of each function")
    return parser.parse_args()


def build(again):
    """Both binaries, by name."""
    env = dict(os.environ, CARGO_PROFILE_RELEASE_DEBUG="line-tables-only")
    for target in (OURS, PLAIN) if again else ():
        command = ["cargo", "+nightly", "fuzz", "build", "--no-cfg-fuzzing", target]
        subprocess.run(command, cwd=ROOT, env=env, check=True)
    host = subprocess.run(["rustc", "+nightly", "-vV"], capture_output=True, text=True, check=True).stdout
    triple = re.search(r"^host: (.*)$", host, re.M)[1]
    return {target: ROOT / "fuzz/target" / triple / "release" / target for target in (OURS, PLAIN)}


def environment():
    symbolizer = next(
        (path for path in ("/usr/lib/llvm-22/bin/llvm-symbolizer", shutil.which("llvm-symbolizer")) if path and os.path.exists(path)),
        None,
    )
    if symbolizer is None:
        sys.exit("no llvm-symbolizer: install llvm-22")
    return dict(os.environ, ASAN_SYMBOLIZER_PATH=symbolizer, ASAN_OPTIONS="detect_leaks=0")


def fuzz(binary, corpus, seconds, seed, core):
    """Runs from the seeds; gives executions a second."""
    command = ["taskset", "-c", str(core), binary, f"-max_total_time={seconds}", f"-seed={seed}", "-max_len=2048"]
    command += ["-len_control=0", "-print_final_stats=1", f"-artifact_prefix={corpus}/../", corpus, SEEDS]
    done = subprocess.run(list(map(str, command)), env=environment(), capture_output=True, text=True, errors="replace")
    if done.returncode != 0:
        sys.exit(f"{binary.name} ended with {done.returncode}:\n{done.stderr[-3000:]}")
    return int(re.search(r"stat::average_exec_per_sec:\s*(\d+)", done.stderr)[1])


def covered(binary, *corpora):
    """The edges that those inputs cover, by function."""
    command = [binary, "-runs=0", "-print_coverage=1", *corpora]
    done = subprocess.run(list(map(str, command)), env=environment(), capture_output=True, text=True, errors="replace")
    if done.returncode != 0:
        sys.exit(f"the replay ended with {done.returncode}:\n{done.stderr[-3000:]}")
    edges = {}
    for line in done.stderr.splitlines():
        found = re.match(r"(UN)?COVERED_FUNC: hits: \d+ edges: (\d+)/(\d+) (.*) (/\S+?):\d+$", line)
        if found and INPUT.search(found[5]) and not OUTPUT.search(found[4]):
            hit, whole = edges.get(found[4], (0, 0))
            own = 0 if found[1] else int(found[2])
            edges[found[4]] = (hit + own, whole + int(found[3]))
    if not edges:
        sys.exit("no function of smoltcp's TCP in the coverage: no line tables?\n" + done.stderr[:3000])
    return edges


def total(edges):
    return sum(hit for hit, _ in edges.values())


def main():
    options = arguments()
    binaries = build(not options.no_build)
    base = covered(binaries[OURS], SEEDS)
    there = sum(whole for _, whole in base.values())
    print(f"edges of smoltcp's TCP input path: {there} in {len(base)} functions; the seeds cover {total(base)}")
    print(f"{options.seconds} s each on core {options.core}, from {len(list(SEEDS.iterdir()))} seeds")
    worst = None
    for run in range(options.runs):
        found, speed, edges = {}, {}, {}
        for target in (PLAIN, OURS):
            with tempfile.TemporaryDirectory() as folder:
                corpus = pathlib.Path(folder) / "corpus"
                corpus.mkdir()
                speed[target] = fuzz(binaries[target], corpus, options.seconds, options.seed + run, options.core)
                edges[target] = covered(binaries[OURS], SEEDS, corpus)
                found[target] = total(edges[target]) - total(base)
        ratio = found[OURS] / max(found[PLAIN], 1)
        worst = ratio if worst is None else min(worst, ratio)
        print(
            f"seed {options.seed + run}: plain {total(edges[PLAIN])} (+{found[PLAIN]}, {speed[PLAIN]}/s), "
            f"ours {total(edges[OURS])} (+{found[OURS]}, {speed[OURS]}/s): ratio {ratio:.2f}"
        )
        if options.functions:
            for name in sorted(base):
                print(f"  {base[name][0]:4} {edges[PLAIN][name][0]:4} {edges[OURS][name][0]:4} of {base[name][1]:4}  {name}")
    if worst < options.least:
        sys.exit(f"ratio {worst:.2f} is below {options.least}")


main()
