"""A blind vote in real browsers: the host's screen, a phone, the cookie that lets a reload go on, the reveal."""

from playwright.sync_api import expect

from lab.store import votes
from tests.ui import workspaces

PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}


def test_a_phone_votes_blind_goes_on_after_a_reload_and_sees_the_names_at_the_end(app, page, chromium, shot):
    found = workspaces.finished()
    page.goto(f"{app().address}/vote?experiment={found.id}")
    page.get_by_role("button", name="Start the vote").click(timeout=30_000)
    expect(page.get_by_role("img", name="QR code of the link beside it")).to_be_visible(timeout=30_000)
    link = page.locator("code").first.inner_text()
    shot("vote-host")
    session = votes.of_experiment(found.id)[0]
    context = chromium.new_context(**PHONE)
    phone = context.new_page()
    sent = []
    phone.on("websocket", lambda socket: socket.on("framereceived", lambda frame: sent.append(frame)))
    phone.goto(link)
    phone.get_by_role("button", name="Begin").click(timeout=30_000)
    expect(phone.get_by_role("button", name="A is better")).to_be_visible(timeout=30_000)
    assert phone.get_by_role("link", name="Compare").count() == 0, "no way to other pages"
    assert phone.locator("section.card b").count() == 0, "a model's words are text"
    assert not [frame for frame in sent if isinstance(frame, bytes) and b"RAG + SFT" in frame], "no name is sent, seen or unseen"
    phone.get_by_role("button", name="A is better").click()
    expect(phone.get_by_text(f"1 of {session.per_voter} judged")).to_be_visible(timeout=30_000)
    phone.goto(link)  # the code was scanned once more
    expect(phone.get_by_text(f"1 of {session.per_voter} judged")).to_be_visible(timeout=30_000)
    assert "voter=" not in phone.url, "an address that is passed on carries nobody's votes"
    for place in range(1, session.per_voter):
        button = phone.get_by_role("button", name="Equally good")
        expect(button).to_have_count(1, timeout=30_000)  # the last question's has gone
        button.click()
        if place < session.per_voter - 1:
            expect(phone.get_by_text(f"{place + 1} of {session.per_voter} judged")).to_be_visible(timeout=30_000)
    expect(phone.get_by_text("Thank you")).to_be_visible(timeout=30_000)
    page.get_by_role("button", name="Reveal the names").click()
    expect(page.get_by_text("Train on these votes")).to_be_visible(timeout=30_000)
    expect(phone.get_by_text("Your own votes")).to_be_visible(timeout=30_000)
    assert len(votes.votes(session.id)) == session.per_voter and votes.turnout(session).joined == 1
    assert page.wrong == [] and page.outside == []
    context.close()
