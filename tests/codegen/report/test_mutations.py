"""No change of a document passes in silence, wherever it is made and whatever it is."""

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from codegen.report.compare import compare
from tests.codegen.report.differences import Document, canonical, changed, kept, places
from tests.codegen.report.documents import DOCUMENTS, NAMES, SCHEMAS

RUN = settings(
    max_examples=60, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)
VALUES = st.one_of(SCHEMAS, st.sampled_from([*NAMES, 0, 1, True, False, "integer", [], {}]))


@RUN
@given(DOCUMENTS)
def test_a_document_does_not_differ_from_itself(document: Document) -> None:
    found = kept(document)
    assert found is not None
    assert compare(found, found).changes == []


@RUN
@given(DOCUMENTS, VALUES, st.sampled_from(["remove", "replace"]), st.data())
def test_what_is_changed_anywhere_is_told(
    document: Document, new: object, way: str, data: st.DataObject
) -> None:
    path = data.draw(st.sampled_from(places(document)))
    before, after = kept(document), kept(changed(document, path, new, remove=way == "remove"))
    assume(before is not None and after is not None)
    assert before is not None
    assert after is not None
    differs = canonical(before) != canonical(after)
    assert bool(compare(before, after).changes) == differs
    assert bool(compare(after, before).changes) == differs


@RUN
@given(DOCUMENTS, DOCUMENTS)
def test_two_documents_differ_both_ways_or_not_at_all(one: Document, other: Document) -> None:
    first, second = kept(one), kept(other)
    assert first is not None
    assert second is not None
    assert bool(compare(first, second).changes) == (canonical(first) != canonical(second))
