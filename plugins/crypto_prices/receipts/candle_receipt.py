"""The receipt of a candle, from the evidence. No I/O: the same evidence always gives the same receipt."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise

from crypto_prices.load_terms import FROM_MANIFEST
from crypto_prices.receipts.checks import broken, check, identity, not_shown, ok, short
from crypto_prices.receipts.derived import CURATED_COLUMNS, Derived, as_time, derive, differences, listed_object
from crypto_prices.receipts.evidence import ChainEnd, Evidence, Recorded, Row, is_curated_again, number
from crypto_prices.receipts.log_comparison import log_differences
from crypto_prices.receipts.missing_candle import missing_link, missing_reason
from crypto_prices.receipts.question import zulu
from crypto_prices.receipts.raw_records import COLUMNS, FORMATS
from crypto_prices.receipts.receipt import Check, Link, Outcome, Receipt

_SHOWN_TEXT = 200
_NO_RECORD = "there is no load record to compare the load log with"


def candle_receipt(evidence: Evidence) -> Receipt:
    """Return the receipt of a candle that exists or is missing."""
    derived = derive(evidence)
    links = (
        [_value(evidence), _fact(evidence, derived)] if evidence.row is not None else [missing_link(evidence, derived)]
    )
    if evidence.removal is not None and evidence.removal_chain is not None:
        links.append(_removal(evidence, evidence.removal, evidence.removal_chain))
    if evidence.load is not None:
        links += [_load(evidence, evidence.load), _code(evidence.load), _curated(evidence, derived)]
        links += [_raw(evidence, derived), _record(evidence, derived), *_request(evidence, derived)]
        links += [_manifest(evidence, evidence.load), _chain(evidence)]
    elif evidence.row is not None:
        links.append(Link("load", (), (broken("crypto.load_log has no load of this market and day that wrote it"),)))
    links.append(_versions(evidence))
    answer = "intact" if evidence.row is not None else f"missing: {missing_reason(evidence, derived)}"
    return Receipt(evidence.question, _title(evidence), answer, tuple(links))


def _title(evidence: Evidence) -> str:
    question = evidence.question
    opens, closes = zulu(question.at), zulu(question.closes_at)
    known = f"  as of {zulu(question.as_of)}" if question.as_of else ""
    return f"{question.source} {question.market} {question.candle_interval}  opens {opens}  closes {closes}{known}"


def _value(evidence: Evidence) -> Link:
    row, question = evidence.row or {}, evidence.question
    main = "close_price" if row["close_price"] is not None else "open_price"
    others = [column for column in COLUMNS if column != main and row[column] is not None]
    return Link(
        "value",
        (
            f"{main.removesuffix('_price')} {row[main]} {question.quote_currency}",
            ", ".join(f"{column} {row[column]}" for column in others),
        ),
        data={column: row[column] for column in COLUMNS},
    )


def _fact(evidence: Evidence, derived: Derived) -> Link:
    """Return the link from the number to the load that wrote it.

    The curated row and the row that the raw objects give are two witnesses. Where both agree against the fact table,
    the fact table is wrong.
    """
    row, load = evidence.row or {}, evidence.load
    since = number(row, "valid_from_load")
    is_version = not any(row is fact for fact in evidence.facts)
    says = (
        f"version of loads {since} to {number(row, 'valid_to_load') - 1}"
        if is_version
        else f"current since load {since}"
    )
    if load is not None and number(load, "load_number") != since:
        says += f", confirmed unchanged by load {load['load_number']}"
    checks = []
    if evidence.question.as_of is None:
        copies = len(evidence.facts)
        checks.append(check(copies == 1, "one row", f"the fact table has the candle {copies} times"))
    if load is not None and evidence.question.as_of is None:
        checks.append(
            check(
                row["batch_id"] == evidence.batch_id,
                "written by the newest load of its market and day",
                f"batch_id is {row['batch_id']}, but load {load['load_number']} of batch {evidence.batch_id} was the "
                "last to replace this market and day",
            )
        )
    elif load is not None:
        checks.append(ok(f"the load log has its batch, load {load['load_number']}"))
    witnesses = [witness for witness in (_curated_row(evidence), derived.row) if witness is not None]
    wrong = _outvoted(row, witnesses)
    if wrong:
        checks.append(
            broken(f"the curated row and the raw record agree on other values: {_columns(row, witnesses[0], wrong)}")
        )
    return Link("fact", (says,), tuple(checks), {"valid_from_load": since, "batch_id": row["batch_id"]})


def _load(evidence: Evidence, load: Row) -> Link:
    record = evidence.record
    times = [
        f"{name} {zulu(as_time(load[column]))}"
        for name, column in (("fetched", "fetched_at"), ("merged", "merged_at"), ("visible", "visible_at"))
        if load[column] is not None
    ]
    says = [
        f"{load['load_number']}: batch {load['batch_id']}, {'forced' if load['forced'] else 'not forced'}",
        ", ".join(times),
        f"run {load['dag_id']} {load['run_id']}",
    ]
    if record is not None and is_curated_again(load, record):
        uri = "" if evidence.chain is None else evidence.chain.uri
        says.append(f"rebuilt from its load record {uri}: run and times are those of the former load")
    if load["rebuilt_from"] == FROM_MANIFEST:
        says.append("guessed by a rebuild without load records, from the raw manifest")
    if record is not None:
        wrong = log_differences(load, record, evidence.question.source)
        both = f"the load log and record {load['load_number']}"
        agree = check(not wrong, f"{both} agree", f"{both} differ: {'; '.join(wrong)}")
    elif evidence.chain is not None and evidence.chain.problem:
        agree = broken(evidence.chain.problem)
    else:
        agree = not_shown(_NO_RECORD)
    shown = ("load_number", "batch_id", "dag_id", "run_id", "fetched_at", "merged_at", "visible_at", "rebuilt_from")
    return Link("load", tuple(says), (agree,), {column: load[column] for column in shown})


def _removal(evidence: Evidence, removal: Row, chain: ChainEnd) -> Link:
    """Return the link to the removal of a candle: the log and the removal's own record must agree on it."""
    question, record, says = evidence.question, chain.record, []
    checks = list(_chain_checks(chain))
    if record is None:
        if not chain.problem:
            checks.append(not_shown(_NO_RECORD))
    elif record.removal is None:
        checks.append(broken(f"record {record.load_number} is of a load, not of a removal"))
    else:
        removed, markets = record.removal, [market for source in record.sources for market in source.markets]
        says.append(f"{removed.candles} candles from {removed.removed_from} to {removed.removed_until}")
        wrong = log_differences(removal, record, question.source)
        both = f"the load log and record {record.load_number}"
        checks.append(check(not wrong, f"{both} agree", f"{both} differ: {'; '.join(wrong)}"))
        contains = as_time(removed.removed_from) <= question.at < as_time(removed.removed_until)
        says_range = f"the recorded range from {removed.removed_from} to {removed.removed_until}"
        checks.append(check(contains, "the recorded range contains the candle", f"{says_range} does not contain it"))
        if question.market not in markets:
            checks.append(broken(f"record {record.load_number} removes candles of {', '.join(markets)}"))
    who = f"{removal['load_number']}: by {removal['removed_by']} ({removal['removed_because']})"
    when = f"merged {zulu(as_time(removal['merged_at']))}"
    shown = ("load_number", "removed_by", "removed_because", "merged_at", "visible_at")
    return Link("removal", (who, when, *says, chain.uri), tuple(checks), {column: removal[column] for column in shown})


def _code(load: Row) -> Link:
    names = ("dags", "plugins", "glue")
    digests = ", ".join(f"{name} {short(str(load[f'{name}_digest']))}" for name in names)
    return Link("code", (digests, f"rules {load['rules']}"), data={name: load[f"{name}_digest"] for name in names})


def _curated(evidence: Evidence, derived: Derived) -> Link:
    curated, row = evidence.curated, evidence.row
    checks = [identity(file, "the file", _size(file)) for file in curated.files]
    if evidence.copy_manifest is not None:
        checks.append(identity(evidence.copy_manifest, "COPY's manifest"))
    if evidence.record is not None and evidence.load is not None and is_curated_again(evidence.load, evidence.record):
        run = evidence.load["glue_job_run_id"]
        checks.append(not_shown(f"a rebuild wrote the files again (Glue run {run}): the record names the former ones"))
    found = _curated_row(evidence)
    is_there = any(file.present is not None for file in curated.files)
    if not curated.files and row is not None:
        checks.append(broken(f"COPY's manifest lists no file of {evidence.question.day}"))
    if curated.problem:
        checks.append(broken(f"COPY cannot read the file: {curated.problem}"))
    elif row is not None and is_there:
        if found is None:
            checks.append(broken(f"read by COPY, the files have the candle {len(curated.rows)} times"))
        else:
            wrong = differences(row, found)
            own = _outvoted(found, [row, derived.row]) if derived.row else []
            if not wrong:
                checks.append(ok(f"row read back by COPY: all {len(CURATED_COLUMNS)} columns equal the fact"))
            elif own or derived.row is None:
                checks.append(broken(f"row read back by COPY differs from the fact: {_columns(row, found, wrong)}"))
            else:
                checks.append(ok("row read back by COPY equals the raw record"))
    return Link("curated", tuple(file.uri for file in curated.files), tuple(checks))


def _raw(evidence: Evidence, derived: Derived) -> Link:
    """Return the link to the responses. All pages of the market are checked, because another page could contradict."""
    manifest = evidence.parsed_manifest
    checks, says = [], []
    for stored in evidence.objects:
        listed = listed_object(manifest, stored.uri)
        is_own = derived.own is None or stored.uri == derived.own.uri
        if is_own:
            says.append(stored.uri)
        of_it = [identity(stored, "the object")]
        if manifest is not None and listed is None:
            of_it.append(broken(f"the manifest does not list {stored.uri}"))
        body = stored.readable.unpacked if stored.readable is not None else None
        if stored.readable is not None and body is None:
            of_it.append(broken("the object is not a gzip file"))
        if body is not None and listed is not None:
            digest = hashlib.sha256(body).hexdigest()
            of_it.append(
                check(
                    digest == listed.sha256,
                    f"SHA-256 of the body ({len(body):,} bytes) {short(digest)}",
                    f"the body has the SHA-256 {short(digest)}, but the manifest has {short(listed.sha256)}",
                )
            )
        # Further pages are only mentioned if something is wrong.
        checks += of_it if is_own else [one for one in of_it if one.outcome is Outcome.BROKEN]
    return Link("raw", tuple(says), tuple(checks))


def _record(evidence: Evidence, derived: Derived) -> Link:
    row, own, source = evidence.row, derived.own, evidence.question.source
    if derived.totals is None:
        why = f"receipts cannot read records of {source}" if source not in FORMATS else "there is no usable manifest"
        return Link("record", ("none",), (not_shown(why),))
    checks = [broken(f"{uri} is no response of {source}") for uri in derived.unreadable]
    checks += [not_shown(f"{uri} cannot be read, so its records are unknown") for uri in derived.missing]
    if own is None:
        return _no_record(evidence, derived, checks)
    record = own.record
    place = ", ".join(f"{span.start}-{span.end - 1}" for span in record.places)
    says = (f"{record.position + 1} of {derived.totals[own.uri]}, bytes {place}  {_clipped(record.text)}",)
    if row is not None and derived.row is not None:
        curated = _curated_row(evidence)
        wrong = differences(derived.row, row)
        own_fault = curated is None or bool(_outvoted(derived.row, [row, curated]))
        total = len(COLUMNS)
        if not wrong:
            checks.append(ok(f"parsed again, independently: {total} of {total} values equal"))
        elif own_fault:
            checks.append(
                broken(f"parsed again, the record differs from the fact: {_columns(row, derived.row, wrong)}")
            )
        else:
            checks.append(ok("parsed again, independently: equals the curated row"))
    checks.append(ok("judged again: no rule broken, no conflicting copy"))
    data = {"position": record.position, "bytes": [list(span) for span in record.places], "text": record.text}
    return Link("record", says, tuple(checks), data)


def _no_record(evidence: Evidence, derived: Derived, checks: list[Check]) -> Link:
    says = tuple(
        f"{one.record.position + 1} of {(derived.totals or {})[one.uri]}: {one.outcome}  {_clipped(one.record.text)}"
        for one in derived.records
    )
    if derived.unreadable or derived.missing:
        return Link("record", says or ("none",), tuple(checks))
    if evidence.row is not None:
        found = f"judged again, it is {derived.records[0].outcome}" if derived.records else "no record opens then"
        checks.append(broken(f"the responses do not give this candle: {found}"))
    else:
        outcome = "judged again: the record is rejected" if derived.records else "no record of the responses opens then"
        checks.append(ok(outcome))
    return Link("record", says or ("none",), tuple(checks))


def _request(evidence: Evidence, derived: Derived) -> list[Link]:
    manifest = evidence.parsed_manifest
    if manifest is None:
        return []
    market = (evidence.question.symbol, evidence.question.quote_currency)
    asked = [obj for obj in manifest.objects if (obj.symbol, obj.quote_currency) == market]
    asked = [obj for obj in asked if derived.own is None or obj.uri == derived.own.uri]
    return [Link("request", tuple(f"GET {obj.url} {obj.status} at {obj.fetched_at}" for obj in asked))] if asked else []


def _manifest(evidence: Evidence, load: Row) -> Link:
    stored = evidence.manifest
    if stored is None:
        return Link("manifest", ())
    checks = [identity(stored, "the manifest")]
    recorded = getattr(stored.recorded, "sha256", None)
    if recorded is not None and stored.readable is not None:
        found = stored.readable.sha256
        checks.append(
            check(
                found == recorded,
                f"SHA-256 {short(recorded)} as recorded",
                f"the manifest has the SHA-256 {short(found)}, but the load record has {short(recorded)}",
            )
        )
    manifest = evidence.parsed_manifest
    if manifest is None and stored.readable is not None:
        checks.append(broken("it is not a usable manifest"))
    elif manifest is not None:
        source = evidence.recorded_source
        by = "load log" if source is None else "load record"
        expected = str(load["content_hash"] if source is None else source.content_hash)
        checks.append(
            check(
                manifest.content_hash == expected,
                f"content hash {short(expected)} = {by}",
                f"its content hash is {short(manifest.content_hash)}, but the {by} has {short(expected)}",
            )
        )
    return Link("manifest", (stored.uri,), tuple(checks))


def _chain(evidence: Evidence) -> Link:
    chain = evidence.chain
    return Link("chain", ()) if chain is None else Link("chain", (chain.uri,), _chain_checks(chain))


def _chain_checks(chain: ChainEnd) -> tuple[Check, ...]:
    if chain.content is None:
        late = "the load record is not written yet: the next load writes it"
        lost = f"{chain.uri} is missing, although the next record exists"
        return (broken(lost) if chain.following else not_shown(late),)
    if chain.record is None:
        return (broken(chain.problem),)
    own, following, checks = chain.record, chain.following, []
    if own.previous is not None:
        before, named = own.previous.load_number, own.previous.sha256
        checks.append(_named(own.load_number, named, before, chain.previous))
    if following is not None and following.previous is not None:
        checks.append(_named(following.load_number, following.previous.sha256, own.load_number, chain.content))
    else:
        checks.append(not_shown(f"no later record names the hash of record {own.load_number} yet"))
    return tuple(checks)


def _named(by: int, digest: str, load_number: int, content: bytes | None) -> Check:
    """Return whether a load record names the hash of the record before it."""
    if content is None:
        return broken(f"record {load_number} is missing")
    found = hashlib.sha256(content).hexdigest()
    return check(
        found == digest,
        f"record {by} names the hash of record {load_number}",
        f"record {by} names the hash {short(digest)} of record {load_number}, which has {short(found)}",
    )


def _versions(evidence: Evidence) -> Link:
    says = []
    former: list[Row] = list(evidence.versions)
    present = list(evidence.facts[:1])
    for place, version in enumerate(former):
        later = next(iter([*former[place + 1 :], *present]), None)
        says.append(_version_text(version, later))
    chain = [*former, *present]
    wrong = [
        f"load {one['valid_to_load']} ended a version, but the next one begins with load {other['valid_from_load']}"
        for one, other in pairwise(chain)
        if number(other, "valid_from_load") < number(one, "valid_to_load")
        or (one["closed_as"] == "changed" and one["valid_to_load"] != other["valid_from_load"])
    ]
    logged = {number(load, "load_number") for load in evidence.loads}
    wrong += [
        f"the load log has no load {row['valid_from_load']} of this market and day"
        for row in chain
        # Rows from before the log have the number 0.
        if number(row, "valid_from_load") not in logged | {0}
    ]
    count = f"{len(former)} earlier" if former else "none earlier"
    checks = [check(not wrong, "the versions follow each other", "; ".join(wrong))] if chain else []
    return Link("versions", (count, *says), tuple(checks), {"versions": [dict(row) for row in former]})


def _version_text(version: Row, later: Row | None) -> str:
    column = "close_price" if version["close_price"] is not None else "open_price"
    name = column.removesuffix("_price")
    last = number(version, "valid_to_load")
    held = f"loads {version['valid_from_load']} to {last - 1}"
    text = f"{name} {version[column]}, {held}, {_ENDED[str(version['closed_as'])]} {last}"
    if later is not None and later[column] is not None and version["closed_as"] == "changed":
        text += f" ({Decimal(str(later[column])) - Decimal(str(version[column])):+f})"
    return text


_ENDED = {"changed": "replaced by load", "removed": "removed by load"}


def _outvoted(row: Row, witnesses: Sequence[Row]) -> list[str]:
    """Return the columns in which two witnesses agree with each other, but not with the row."""
    if len(witnesses) < 2:
        return []
    return [
        column for column in differences(row, witnesses[0]) if not differences(witnesses[0], witnesses[1], [column])
    ]


def _columns(row: Row, other: Row, columns: Sequence[str]) -> str:
    return ", ".join(f"{column} is {row[column]} instead of {other[column]}" for column in columns)


def _curated_row(evidence: Evidence) -> Row | None:
    rows = evidence.curated.rows
    return rows[0] if len(rows) == 1 else None


def _size(stored: Recorded) -> str:
    return f" and {stored.present.size:,} bytes" if stored.present else ""


def _clipped(text: str) -> str:
    return f"{text[:_SHOWN_TEXT]}…" if len(text) > _SHOWN_TEXT else text
