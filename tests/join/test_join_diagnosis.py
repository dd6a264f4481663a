"""What brokers wrote that did not get in, as it was recorded, and the cause that is told for it.

The lines are of real brokers of flux-core 0.88.0 in which each failure was brought about, the one of another
version with its own number changed; `short-list` and `zeromq` were written down by others.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from burstd.join.curve import Handshake
from burstd.join.diagnosis import Diagnosis, Knocked, classify, diagnose
from burstd.join.symptoms import SYMPTOMS

JOINS = Path(__file__).parent / "joins"
URI = "tcp://lead.example.org:8050"

CAUSES = {
    "alone": ("no-bootstrap", "parent-none: join->config-sync"),
    "broken-toml": ("configuration", "broker.toml:18: invalid or missing key"),
    "certificate-invalid": ("certificate-invalid", "curve.cert: Invalid argument"),
    "certificate-missing": ("certificate-missing", "absent.cert: No such file or directory"),
    "certificate-mode": ("certificate-mode", "readable by group/other"),
    "closed": ("closed", "parent sockevent tcp://127.0.0.1:1 closed"),
    "host-name": ("host-name", "got hostname 'vm', expected 'burst-0-0'"),
    "missing-cores": ("resources", "missing resources: core[2-63]"),
    "no-bootstrap": ("no-bootstrap", "bootstrap configuration not found"),
    "not-declared": ("not-declared", "burst-9-9 not found in hosts"),
    "other-order": ("other-list", "overlay.hello: Invalid argument"),
    "refused": ("refused", "handshake failed: Broken pipe"),
    "sent-away": ("sent-away", "sent disconnect control message"),
    "short-list": ("other-list", "Number of hosts (4) is less than node count (6)"),
    "start-script": ("start-script", "/bin/false Exited (rc=1)"),
    "unresolved": ("unresolved", "unable to resolve upstream peer no-such-host.invalid"),
    "version": ("version", "client (0.84.0) version mismatched with server (0.88.0)"),
    "waits": ("waits", "load-builtins->join"),
    "waits-at-debug": ("waits", "load-builtins->join"),
    "zeromq": ("refused", "handshake failed: Broken pipe"),
}


def recorded(name: str) -> str:
    return (JOINS / f"{name}.log").read_text()


def only(found: tuple[Diagnosis, ...]) -> Diagnosis:
    (one,) = found
    return one


@pytest.mark.parametrize("name", CAUSES)
def test_the_cause_of_each_recording(name: str) -> None:
    """A broker's log names its cause, for the host whose it is, with the line that proves it."""
    code, line = CAUSES[name]
    found = only(diagnose({"burst-0-0": recorded(name)}))
    assert (found.code, found.hosts) == (code, ("burst-0-0",))
    assert line in found.line
    assert found.remedy


def test_every_recording_is_looked_at() -> None:
    """No recording lies about unused."""
    of_hosts = {path.stem for path in JOINS.glob("*.log") if not path.stem.endswith("-lead")}
    assert of_hosts == {*CAUSES, "joined"}


def test_a_host_that_is_in_has_no_cause() -> None:
    """A broker that the lead let in, with nothing bad after it, keeps nobody out."""
    assert diagnose({"burst-0-0": recorded("joined")}) == ()


def test_what_was_before_it_got_in_is_over() -> None:
    """A broker that failed, was started again and got in has no cause any more."""
    assert diagnose({"burst-0-0": recorded("refused") + recorded("joined")}) == ()


def test_one_cause_for_all_hosts_it_keeps_out() -> None:
    """Hosts with one cause are told together, as a hostlist."""
    said = {f"burst-0-{index}": recorded("certificate-mode") for index in range(3)}
    found = only(diagnose({**said, "burst-0-3": recorded("joined")}))
    assert found.hosts == ("burst-0-0", "burst-0-1", "burst-0-2")
    assert found.text.startswith("burst-0-[0-2]: the broker refuses its certificate")


def test_the_mismatch_of_zeromq_is_seen_from_both_sides() -> None:
    """Where the lead reports events that it does not know, a failed handshake is one of differing libzmq."""
    found = only(diagnose({"burst-0-0": recorded("zeromq")}, recorded("zeromq-lead")))
    assert found.code == "zeromq"
    assert "unknown socket event" in found.line
    assert "same libzmq" in found.remedy


def test_the_lead_says_whom_it_rejects() -> None:
    """The lead's rejection is the cause of the host that it names, and of no other."""
    waits = recorded("waits")
    said = {"burst-0-0": waits, "burst-0-1": waits}
    codes = {one.hosts: one.code for one in diagnose(said, recorded("rejecting-lead"))}
    assert codes == {("burst-0-0",): "other-list", ("burst-0-1",): "waits"}


def test_the_lead_refuses_a_key() -> None:
    """A client's key that the lead does not know is told by the lead alone."""
    found = only(diagnose({"burst-0-0": recorded("waits")}, recorded("wrong-client-key-lead")))
    assert found.code == "refused"


@pytest.mark.parametrize(
    ("knocked", "words"),
    [
        (Knocked(Handshake.CLOSED, None, URI), f"nothing answers at {URI}"),
        (Knocked(Handshake.NOT_ZEROMQ, None, URI), f"what listens at {URI} is no Flux broker"),
        (Knocked(Handshake.UNRESOLVED, None, URI), f"the name in {URI} cannot be resolved"),
        (Knocked(Handshake.WRONG_CERTIFICATE, None, URI), f"{URI} refuses the certificate"),
        (Knocked(Handshake.FINE, True, URI), f"{URI} lets brokers in from here"),
        (Knocked(Handshake.FINE, False, URI), "its certificate is not the lead's"),
        (Knocked(), "the way to the lead is closed, or its certificate is not the lead's"),
    ],
)
def test_silence_is_told_by_knocking(knocked: Knocked, words: str) -> None:
    """A broker that waits says nothing, so what knocking from here shows is told in its place."""
    assert words in only(diagnose({"burst-0-0": recorded("waits")}, knocked=knocked)).sentence


def test_another_certificate_counts_more_than_what_the_lead_says_of_nobody() -> None:
    """A line of the lead that names no host is no cause where the host's certificate is another."""
    knocked = Knocked(Handshake.FINE, False, URI)
    found = only(diagnose({"burst-0-0": recorded("waits")}, recorded("zeromq-lead"), knocked))
    assert (found.code, "its certificate is not the lead's" in found.sentence) == ("waits", True)


def test_nothing_was_written() -> None:
    """A host without any log, and one whose lines say nothing that is known, are told as such."""
    found = diagnose({"burst-0-0": "", "burst-0-1": "something else\n"})
    assert [(one.code, one.hosts, one.line) for one in found] == [
        ("silent", ("burst-0-0",), ""),
        ("unknown", ("burst-0-1",), "something else"),
    ]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ('pod b-0: container broker: waiting: ImagePullBackOff: Back-off pulling image "x"', "image"),
        ('pod b-0: container broker: waiting: CreateContainerConfigError: secret "x" not found', "container"),
        ("pod b-0: not scheduled: 0/3 nodes are available: 3 Insufficient cpu.", "unscheduled"),
        ("pod b-0: container broker: ended: OOMKilled (exit code 137)", "memory"),
        ("pod b-0: evicted: The node was low on resource: ephemeral-storage.", "evicted"),
        ("flux: error while loading shared libraries: libzmq.so.5: cannot open shared object", "libraries"),
        ("/bin/flux: /lib/libc.so.6: version `GLIBC_2.38' not found (required by flux)", "libraries"),
        ("exec /usr/bin/flux: exec format error", "architecture"),
        ("bash: line 1: flux: command not found", "no-flux"),
        ("burstd: this pod has Flux 0.84.0, the lead has 0.88.0, which refuses any other: set", "version"),
        ("pod b-0: container broker: waiting: CrashLoopBackOff: back-off 10s", "crashes"),
        ("pod b-0: container broker: waiting: PodInitializing", "starts"),
    ],
)
def test_what_pods_and_programs_say(line: str, code: str) -> None:
    """States of pods, and what shells and loaders write, are causes too."""
    found = classify(f"a line before\n{line}\n")
    assert found is not None
    assert (found.code, found.line) == (code, line)


def test_what_others_wrote_steers_no_terminal() -> None:
    """A line is shown without what could steer a terminal, and not at any length."""
    found = classify("Config file error: \x1b[31mred" + "x" * 900)
    assert found is not None
    assert "\x1b" not in found.line
    assert len(found.line) == 300


def test_no_key_is_ever_shown() -> None:
    """A line with a secret key, as the Flux Operator writes one, is never what a cause is shown by."""
    found = only(diagnose({"burst-0-0": 'something\n    secret-key = "x"\n'}))
    assert found.line == "something"


@given(st.text(max_size=300), st.text(max_size=100), st.sampled_from(sorted(CAUSES)))
def test_any_text_has_a_cause_or_none(before: str, lead: str, name: str) -> None:
    """Whatever stands in a log, and in the lead's, the answer is a cause that can be printed on one line."""
    for one in diagnose({"burst-0-0": before + recorded(name), "burst-0-1": before}, lead):
        assert one.line.isprintable()
        assert one.sentence.isprintable()


def test_every_symptom_fills_its_sentence() -> None:
    """No sentence or remedy asks for a word that its pattern does not have."""
    for one in SYMPTOMS:
        groups = dict.fromkeys(one.pattern.groupindex, "x")
        assert one.sentence.format(**groups)
        assert "{" not in one.remedy
    assert len({one.code for one in SYMPTOMS}) == len(SYMPTOMS)
