"""What tests do of clients that go and come back."""

import asyncio

from websockets.frames import CloseCode

from tests.server.conftest import Client, Event, Scene


async def token_of(client: Client) -> str:
    token: str = (await client.until("idol.resume.token"))[-1]["token"]
    return token


async def lose(client: Client) -> None:
    """Breaks a connection without a goodbye."""
    client.socket.transport.abort()
    await client.socket.wait_closed()


async def close(client: Client, code: int) -> None:
    """Closes a connection; 1005 as browsers do, without a code."""
    if code == CloseCode.NO_STATUS_RCVD:
        client.socket.protocol.send_close()
        client.socket.send_data()
        await client.socket.wait_closed()
    else:
        await client.socket.close(code)


async def resume(client: Client, token: str, last_event_id: str | None = None) -> list[Event]:
    """What a client that comes back is sent, up to its new token."""
    await client.until("idol.stream.opened")  # of the session that the connection began with
    event: Event = {"type": "idol.resume", "token": token}
    await client.send(event | ({"last_event_id": last_event_id} if last_event_id else {}))
    return await client.until("idol.resume.token")


async def until_counted(scene: Scene, gauge: str, count: int) -> None:
    """Waits until the server's metrics show so many."""
    line = f"{gauge} {count}.0\n".encode()
    async with asyncio.timeout(30):
        while line not in scene.server.metrics.page():
            await asyncio.sleep(0)


async def nobody_is_connected(scene: Scene) -> None:
    await until_counted(scene, "idol_ws_connections", 0)


async def refusal(scene: Scene, token: str) -> str:
    """Why a token opens nothing."""
    async with scene.client("idol.v1") as late:
        await late.send({"type": "idol.resume", "token": token})
        error = await late.error()
    assert error["code"] == "session_not_found"
    message: str = error["message"]
    return message


async def answer_to_resume(client: Client) -> str:
    while True:
        event = await client.next()
        if event["type"] == "idol.resumed":
            return "idol.resumed"
        if event["type"] == "error":
            return str(event["error"]["code"])
