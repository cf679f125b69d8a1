"""The call machine's actions with a family's telephone: it is called, answers, is asked to accept, talks, leaves.

    RINGING     it is called over one trunk after the other, until one takes the call
    ACCEPTING   it was answered: who calls is said, and a key is waited for (`gateway.ivr.acceptance` inside the visit)
    CONNECTING  the key was pressed: the station is answered, and they are joined

Until the key is pressed nobody hears anybody, and the meter does not run.
"""

from __future__ import annotations

from dataclasses import replace

from bridge import Prompt, Side, Slate
from gateway.call import commands as c
from gateway.call import endings, sip_codes
from gateway.call import events as e
from gateway.call.facts import FactKind
from gateway.call.phone import Phone, Wire
from gateway.call.step import Step
from gateway.call.termination import Fault, Reason
from gateway.call.visit import Line, State, VisitState
from gateway.ivr import values as v
from gateway.ivr.acceptance import Acceptance, begin, step

# ---- it is called ----


def call(visit: VisitState, now_s: float) -> Step:
    """Over the first trunk, or the next one."""
    phone = visit.phone
    if phone is None:  # the table lets nobody call before there is one; said for the type checker
        return visit, ()
    if not phone.has_another_trunk:
        return _failed(visit, now_s, *sip_codes.NO_TRUNK)
    after = phone.over_the_next(now_s)
    return replace(visit, phone=after), (c.CallPhone(after.trunk, after.attempt),)


def greeted(visit: VisitState, event: e.Greeted, now_s: float) -> Step:
    """The station's media is up, so that a telephone that answers finds somebody."""
    return call(visit, now_s)


def progress(visit: VisitState, event: e.PhoneProgress, now_s: float) -> Step:
    phone = _meant(visit, event.attempt)
    if phone is None:
        return visit, ()
    return replace(visit, phone=replace(phone, alive=True, rang=phone.rang or event.rings)), ()


def trunk_due(visit: VisitState, event: e.TrunkDue, now_s: float) -> Step:
    """Not a word came over this trunk."""
    return _over_another(visit, now_s, 0)


def ended(visit: VisitState, event: e.PhoneEnded, now_s: float) -> Step:
    """Before anybody answered. What the trunk could not do another may; what the telephone said is said."""
    phone = _meant(visit, event.attempt)
    if phone is None:
        return visit, ()
    gone = replace(visit, phone=replace(phone, wire=Wire.GONE))
    if sip_codes.is_the_trunks_fault(event.code) and not phone.rang and phone.has_another_trunk:
        return _over_another(gone, now_s, event.code)
    code = sip_codes.NO_ANSWER if phone.rang and event.code == sip_codes.TIMEOUT else event.code
    return _failed(gone, now_s, *sip_codes.of_telephone(code))


def _over_another(visit: VisitState, now_s: float, code: int) -> Step:
    trunk = visit.phone.trunk if visit.phone else ""
    told = c.Publish(FactKind.TRUNK_FAILED, (("trunk", trunk), ("sip_code", code)))
    after, wanted = call(visit, now_s)
    return after, (told, *wanted)


def _failed(visit: VisitState, now_s: float, reason: Reason, fault: Fault, code: int) -> Step:
    return endings.end(visit, now_s, reason, fault, code)


def station_silent(visit: VisitState, event: e.StationSilent, now_s: float) -> Step:
    """One that is greeted and not answered yet owes us no sound."""
    if visit.line is not Line.ANSWERED:
        return visit, ()
    return _failed(visit, now_s, Reason.MEDIA_FAILED, Fault.NETWORK, sip_codes.NO_ANSWER)


# ---- it answers, and is asked ----


def answered(visit: VisitState, event: e.PhoneAnswered, now_s: float) -> Step:
    phone = _meant(visit, event.attempt)
    if phone is None:
        return visit, ()
    after = replace(visit, state=State.ACCEPTING, phone=replace(phone, wire=Wire.ANSWERED))
    told = c.Publish(FactKind.ANSWERED, (("trunk", phone.trunk),))
    return after, (c.CompletePhone(event.sdp), told)


def ready(visit: VisitState, event: e.PhoneReady, now_s: float) -> Step:
    phone = visit.phone
    if phone is None:
        return visit, ()
    acceptance, wanted = begin(Acceptance(phone.call.language, phone.call.notice, phone.call.resident), now_s)
    return _wanted(visit, acceptance, wanted, now_s)


def key(visit: VisitState, event: e.KeyPressed, now_s: float) -> Step:
    return _hear(visit, v.Key(event.digit), now_s) if event.source == Side.WEB else (visit, ())


def said(visit: VisitState, event: e.PromptEnded, now_s: float) -> Step:
    return _hear(visit, v.SaidAll(event.turn), now_s) if event.source == Side.WEB else (visit, ())


def due(visit: VisitState, event: e.PhoneDue, now_s: float) -> Step:
    return _hear(visit, v.Due(), now_s)


def _hear(visit: VisitState, heard: v.Key | v.SaidAll | v.Due, now_s: float) -> Step:
    phone = visit.phone
    if phone is None or phone.acceptance is None:
        return visit, ()
    acceptance, wanted = step(phone.acceptance, heard, now_s)
    return _wanted(visit, acceptance, wanted, now_s)


def _wanted(
    visit: VisitState,
    acceptance: Acceptance,
    wanted: tuple[v.Say | v.Hush | v.Proceed | v.NotAccepted, ...],
    now_s: float,
) -> Step:
    phone, commands = visit.phone, list[c.Command]()
    after = replace(visit, phone=replace(phone, acceptance=acceptance)) if phone else visit
    for each in wanted:
        match each:
            case v.Say():
                commands.append(c.Speak(each, Side.WEB))
            case v.Hush():
                commands.append(c.Hush(Side.WEB))
            case v.Proceed():
                return _accepted(after, tuple(commands), now_s)
            case v.NotAccepted(outcome):
                return _failed(after, now_s, *sip_codes.NOT_ACCEPTED[outcome])
    return after, tuple(commands)


# ---- they are joined ----


def _accepted(visit: VisitState, before: tuple[c.Command, ...], now_s: float) -> Step:
    marks = replace(visit.marks, accepted_at_s=now_s)
    after = replace(visit, state=State.CONNECTING, marks=marks)
    told = c.Publish(FactKind.ACCEPTED)
    if visit.line is Line.ANSWERED:  # by our own voice, which is still asking for patience
        return after, (*before, told, c.ConnectPhone())
    after = replace(after, line=Line.ANSWERED, marks=replace(marks, answered_at_s=now_s))
    return after, (*before, told, c.AnswerStation(), c.ConnectPhone())


def joined(visit: VisitState, event: e.PhoneJoined, now_s: float) -> Step:
    if not event.picture:
        return visit, (c.Clear(Side.SIP), c.Show(Side.SIP, Slate.SOUND_ONLY, until_picture=True))
    return visit, (
        c.Clear(Side.SIP),
        c.Show(Side.SIP, Slate.PLEASE_WAIT, until_picture=True),
        c.Show(Side.WEB, Slate.CALLING, until_picture=True),
    )


# ---- it changes its mind ----


def offered(visit: VisitState, event: e.PhoneOffered, now_s: float) -> Step:
    """Before it has answered there is nothing that could change."""
    phone = visit.phone
    if phone is None:
        return visit, ()
    return visit, (c.ChangePhone(event.sdp) if phone.wire is Wire.ANSWERED else c.RefusePhoneOffer(),)


def held(visit: VisitState, event: e.PhoneHeld, now_s: float) -> Step:
    """The family knows that it holds; the resident is told. Before they have talked there is nothing to be told of."""
    phone = visit.phone
    if phone is None:
        return visit, ()
    after = replace(visit, phone=replace(phone, held=True))
    if visit.state not in (State.TALKING, State.HELD):
        return after, ()
    told = c.Publish(FactKind.HELD)
    return replace(after, state=State.HELD), (c.Show(Side.SIP, Slate.HELD, Prompt.HELD), told)


def resumed(visit: VisitState, event: e.PhoneResumed, now_s: float) -> Step:
    phone = visit.phone
    if phone is None:
        return visit, ()
    after = replace(visit, phone=replace(phone, held=False))
    if visit.state is not State.HELD:
        return after, ()
    told = c.Publish(FactKind.RESUMED)
    if not after.on_hold:
        after = replace(after, state=after.joined_state)
    return after, (c.Clear(Side.SIP), told)


def left(visit: VisitState, event: e.PhoneEnded, now_s: float) -> Step:
    phone = _meant(visit, event.attempt)
    if phone is None:
        return visit, ()
    gone = replace(visit, phone=replace(phone, wire=Wire.GONE))
    if not event.hung_up:
        return _failed(gone, now_s, Reason.TRUNK_ERROR, Fault.NETWORK, sip_codes.UNAVAILABLE)
    if visit.state is State.ACCEPTING:
        return _failed(gone, now_s, *_hung_up(phone))
    return _failed(gone, now_s, Reason.FAMILY_LEFT, Fault.FAMILY, sip_codes.DECLINED)


def _hung_up(phone: Phone) -> tuple[Reason, Fault, int]:
    """Without a key; or after it, while we said goodbye."""
    outcome = phone.acceptance.outcome if phone.acceptance else None
    return sip_codes.NOT_ACCEPTED[outcome or v.Outcome.NO_KEY]


def picture(visit: VisitState, event: e.PhoneWantsPicture, now_s: float) -> Step:
    return visit, (c.AskStationForKeyframe(),)


def _meant(visit: VisitState, attempt: int) -> Phone | None:
    """None for what an earlier trunk still says."""
    return visit.phone if visit.phone is not None and visit.phone.attempt == attempt else None
