"""What an agent relies on in a link, shown on each kind of broker."""

import asyncio
from contextlib import AsyncExitStack

import paho.mqtt.client as mqtt
import pytest

from floorwise.edge.link import QUEUE_MESSAGES, Address, Link, Message

ENOUGH_S = 20.0


async def up(*links: Link) -> None:
    for link in links:
        await asyncio.wait_for(link.connected.wait(), ENOUGH_S)


async def collect(link: Link, count: int, ack: bool = True) -> list[bytes]:
    found = []
    while len(found) < count:
        messages = await asyncio.wait_for(link.messages(), ENOUGH_S)
        found += [message.payload for message in messages]
        if ack:
            link.done(messages)
    return found


def test_messages_arrive_in_order_in_groups_of_at_most_half_the_window(broker):
    async def story():
        async with Link(broker.address, "to", ["t/#"]) as to, Link(broker.address, "from", []) as sender:
            await up(to, sender)
            for number in range(100):
                assert sender.publish("t/1", str(number).encode())
            found = []
            while len(found) < 100:
                messages = await asyncio.wait_for(to.messages(), ENOUGH_S)
                assert len(messages) <= broker.address.window // 2
                to.done(messages)
                found += [int(message.payload) for message in messages]
            assert found == list(range(100))

    asyncio.run(story())


def test_what_was_not_acknowledged_comes_again_to_the_next_connection(broker):
    async def story():
        async with Link(broker.address, "from", []) as sender:
            async with Link(broker.address, "to", ["t/#"]) as to:
                await up(to, sender)
                for number in range(6):
                    sender.publish("t/1", str(number).encode())
                messages = []
                while len(messages) < 6:
                    messages += await asyncio.wait_for(to.messages(), ENOUGH_S)
                to.done(messages[:2])
                await asyncio.sleep(0.2)
            async with Link(broker.address, "to", ["t/#"]) as to:
                await up(to)
                assert await collect(to, 4) == [b"2", b"3", b"4", b"5"]

    asyncio.run(story())


def test_a_broker_hands_out_no_more_than_its_window_while_nothing_is_acknowledged(broker):
    async def story():
        async with Link(broker.address, "to", ["t/#"]) as to, Link(broker.address, "from", []) as sender:
            await up(to, sender)
            for number in range(150):
                sender.publish("t/1", str(number).encode())
            held = []
            while len(held) < broker.address.window:
                held += await asyncio.wait_for(to.messages(), ENOUGH_S)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(to.messages(), 0.3)
            assert len(held) == broker.address.window < QUEUE_MESSAGES
            to.done(held)
            assert len(await collect(to, 150 - len(held))) == 150 - len(held)

    asyncio.run(story())


def test_a_link_comes_back_with_its_subscriptions_when_its_broker_does(broker):
    async def story():
        async with Link(broker.address, "to", ["t/#"]) as to, Link(broker.address, "from", []) as sender:
            await up(to, sender)
            before = to.session
            broker.kill()
            while to.connected.is_set() or sender.connected.is_set():
                to.changed.clear()
                await asyncio.wait_for(to.changed.wait(), 1) if to.connected.is_set() else await asyncio.sleep(0.05)
            assert not sender.publish("t/1", b"nobody is there")
            broker.start()
            await up(to, sender)
            assert to.session > before
            for _ in range(50):  # the subscription is renewed a moment after the connection
                sender.publish("t/1", b"again")
                try:
                    assert b"again" in [message.payload for message in await asyncio.wait_for(to.messages(), 0.2)]
                    return
                except TimeoutError:
                    continue
            raise AssertionError("the subscription did not come back")

    asyncio.run(story())


def test_a_message_of_an_older_connection_is_not_acknowledged_on_the_new_one(mosquitto):
    async def story():
        async with Link(mosquitto.address, "to", ["t/#"]) as to:
            await up(to)
            acked = []
            to._client.ack = lambda number, qos: acked.append(number)
            to.done([Message("t/1", b"", False, 7, 1, to.session - 1), Message("t/1", b"", False, 8, 1, to.session)])
            assert acked == [8]

    asyncio.run(story())


def test_retained_messages_reach_a_later_subscriber_and_an_empty_one_clears_them(broker):
    async def story():
        async with Link(broker.address, "from", []) as sender, AsyncExitStack() as stack:
            await up(sender)
            sender.publish("t/1", b"kept", retain=True)
            await asyncio.sleep(0.2)
            one = await stack.enter_async_context(Link(broker.address, "one", ["t/#"], keep_session=False))
            (message,) = await asyncio.wait_for(one.messages(), ENOUGH_S)
            assert (message.payload, message.retained) == (b"kept", True)
            one.done([message])
            sender.publish("t/1", b"", retain=True)
            assert await collect(one, 1) == [b""]
            two = await stack.enter_async_context(Link(broker.address, "two", ["t/#"], keep_session=False))
            await up(two)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(two.messages(), 0.3)

    asyncio.run(story())


def test_the_will_is_heard_after_a_crash_and_after_a_tidy_end(broker):
    async def story():
        async with Link(broker.address, "to", ["w/#"]) as to:
            await up(to)
            tidy = Link(broker.address, "tidy", [], keep_session=False, will=("w/tidy", b"gone"))
            async with tidy:
                await up(tidy)
            assert await collect(to, 1) == [b"gone"]
            crash = Link(broker.address, "crash", [], keep_session=False, will=("w/crash", b"gone"))
            async with crash:
                await up(crash)
                crash._will = None
                crash._client.socket().close()  # as a pulled cable that the broker notices
                assert await collect(to, 1) == [b"gone"]

    asyncio.run(story())


def test_a_message_beyond_the_bound_is_refused_before_it_is_sent(mosquitto):
    async def story():
        async with Link(mosquitto.address, "from", []) as sender:
            await up(sender)
            with pytest.raises(ValueError, match="at most 262144"):
                sender.publish("t/1", b"x" * 262145)

    asyncio.run(story())


def test_an_address_that_is_none_is_refused():
    with pytest.raises(ValueError, match="mqtt://host:port"):
        Link(Address("tcp://somewhere"), "one", [])


def test_a_topic_that_is_no_text_is_acknowledged_and_dropped_not_waited_for():
    link, acked = Link(Address("mqtt://127.0.0.1:1"), "one", []), []
    link._client.ack = lambda number, qos: acked.append((number, qos))
    message = mqtt.MQTTMessage(mid=7, topic=b"up/\xff/readings")
    message.qos = 1
    link._on_message(link._client, None, message)
    assert (acked, link.dropped) == ([(7, 1)], 1)
