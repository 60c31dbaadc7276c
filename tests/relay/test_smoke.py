import openai

from tests.servers import RELAY_KEY


def test_openai_client_streams_through_the_relay(sandbox_relay: str) -> None:
    with openai.OpenAI(base_url=f"{sandbox_relay}/v1", api_key=RELAY_KEY) as client:
        stream = client.chat.completions.create(
            model="gpt-5.1", messages=[{"role": "user", "content": "Say exactly: hi there"}], stream=True
        )
        text = "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)
    assert text == "hi there"
