"""Drives one official SDK against a running weir, and prints what the SDK saw.

    drive.py openai --base http://127.0.0.1:8900 --case plain --case stream
    drive.py anthropic --mode proxy --proxy http://127.0.0.1:8900 --ca-bundle bundle.pem --case plain

One line of JSON for each case, in order, or for each case of each `--task`, whose calls carry it as their label. The SDKs are used as their users use them: default retries, default
transport, default trust. Only what lies below them is watched, see `wires`, to count attempts and to hash the
bodies as they came over the wire, before any content coding is undone. A call that raises is a result like any
other; the exit code is 0 as soon as every case has its line.

Loads nothing but the SDK that is asked for: each takes a second.
"""

import argparse
import asyncio
import faulthandler
import json
import os
import sys
import time

import vendors
import wires
from vendors import dump

# A case that hangs is a defect; its stack is worth more than the test's own deadline.
PATIENCE_SECONDS = 60


class OpenAI:
    wire = wires.Httpx
    path = "/openai/v1"
    model = "gpt-4o-mini"
    embedding_model = "text-embedding-3-small"

    def __init__(self, args, base_url):
        import openai

        self.args = args
        self.rate_limit = openai.RateLimitError
        options = {} if base_url is None else {"base_url": base_url}
        self.client = openai.OpenAI(api_key=args.api_key, default_headers=args.header, **options)
        self.cases = {
            "plain": self.plain,
            "stream": self.stream,
            "stream-usage": lambda: self.stream(stream_options={"include_usage": True}),
            "hang-up": self.hang_up,
            "embeddings": self.embeddings,
            "responses": self.responses,
            "responses-stream": self.responses_stream,
            "refusal": self.plain,
            "refusal-stream": self.stream,
        }

    def is_rate_limit(self, error):
        return isinstance(error, self.rate_limit)

    def create(self, **more):
        limit = {} if self.args.max_tokens is None else {"max_tokens": self.args.max_tokens}
        return self.client.chat.completions.create(
            model=self.args.model or self.model,
            messages=[{"role": "user", "content": self.args.prompt}],
            **limit,
            **more,
        )

    def plain(self):
        done = self.create()
        text = done.choices[0].message.content
        return {"text": text, "model": done.model, "usage": dump(done.usage)}

    def stream(self, **more):
        text, model, usage = "", None, None
        for chunk in self.create(stream=True, **more):
            model = chunk.model
            usage = chunk.usage or usage
            text += "".join(choice.delta.content or "" for choice in chunk.choices)
        return {"text": text, "model": model, "usage": dump(usage)}

    def hang_up(self):
        with self.create(stream=True) as stream:
            for chunk in stream:
                if text := "".join(choice.delta.content or "" for choice in chunk.choices):
                    return {"text": text, "model": chunk.model, "usage": None}
        return {"text": "", "model": None, "usage": None}

    def embeddings(self):
        done = self.client.embeddings.create(
            model=self.args.model or self.embedding_model, input=[self.args.prompt]
        )
        return {"text": None, "model": done.model, "usage": dump(done.usage)}

    def responses_create(self, **more):
        limit = {} if self.args.max_tokens is None else {"max_output_tokens": self.args.max_tokens}
        return self.client.responses.create(
            model=self.args.model or self.model, input=self.args.prompt, **limit, **more
        )

    def responses(self):
        done = self.responses_create()
        return {"text": done.output_text, "model": done.model, "usage": dump(done.usage)}

    def responses_stream(self):
        text, model, usage = "", None, None
        for event in self.responses_create(stream=True):
            if event.type == "response.output_text.delta":
                text += event.delta
            elif event.type in ("response.completed", "response.incomplete"):
                model, usage = event.response.model, event.response.usage
        return {"text": text, "model": model, "usage": dump(usage)}


class Anthropic:
    wire = wires.Httpx
    path = "/anthropic"
    model = "claude-haiku-4-5-20251001"
    # The API asks for a limit on every call.
    max_tokens = 64

    def __init__(self, args, base_url):
        import anthropic

        self.args = args
        self.rate_limit = anthropic.RateLimitError
        options = {} if base_url is None else {"base_url": base_url}
        self.client = anthropic.Anthropic(
            api_key=args.api_key, default_headers=args.header, **options
        )
        self.cases = {
            "plain": self.plain,
            "stream": self.stream,
            "hang-up": self.hang_up,
            "refusal": self.plain,
            "refusal-stream": self.stream,
        }

    def is_rate_limit(self, error):
        return isinstance(error, self.rate_limit)

    def request(self):
        return {
            "model": self.args.model or self.model,
            "max_tokens": self.args.max_tokens or self.max_tokens,
            "messages": [{"role": "user", "content": self.args.prompt}],
        }

    def told(self, message):
        text = "".join(block.text for block in message.content if block.type == "text")
        return {"text": text, "model": message.model, "usage": dump(message.usage)}

    def plain(self):
        return self.told(self.client.messages.create(**self.request()))

    def stream(self):
        with self.client.messages.stream(**self.request()) as stream:
            return self.told(stream.get_final_message())

    def hang_up(self):
        with self.client.messages.stream(**self.request()) as stream:
            for text in stream.text_stream:
                model = stream.current_message_snapshot.model
                return {"text": text, "model": model, "usage": None}
        return {"text": "", "model": None, "usage": None}


class Gemini:
    wire = wires.Httpx
    path = "/gemini"
    model = "gemini-2.0-flash"
    embedding_model = "gemini-embedding-001"

    def __init__(self, args, base_url):
        from google import genai

        self.args = args
        self.error = genai.errors.ClientError
        options = genai.types.HttpOptions(base_url=base_url, headers=args.header)
        self.client = genai.Client(api_key=args.api_key, http_options=options)
        self.cases = {
            "plain": self.plain,
            "stream": self.stream,
            "hang-up": self.hang_up,
            "embeddings": self.embeddings,
            "refusal": self.plain,
            "refusal-stream": self.stream,
        }

    def is_rate_limit(self, error):
        return isinstance(error, self.error) and error.code == 429

    def request(self):
        limit = self.args.max_tokens
        return {
            "model": self.args.model or self.model,
            "contents": self.args.prompt,
            "config": None if limit is None else {"max_output_tokens": limit},
        }

    def plain(self):
        done = self.client.models.generate_content(**self.request())
        return {
            "text": done.text,
            "model": done.model_version,
            "usage": dump(done.usage_metadata),
        }

    def stream(self):
        text, model, usage = "", None, None
        for chunk in self.client.models.generate_content_stream(**self.request()):
            text += chunk.text or ""
            model = chunk.model_version or model
            usage = chunk.usage_metadata or usage
        return {"text": text, "model": model, "usage": dump(usage)}

    def hang_up(self):
        stream = self.client.models.generate_content_stream(**self.request())
        try:
            for chunk in stream:
                if chunk.text:
                    return {"text": chunk.text, "model": chunk.model_version, "usage": None}
        finally:
            stream.close()
        return {"text": "", "model": None, "usage": None}

    def embeddings(self):
        model = self.args.model or self.embedding_model
        done = self.client.models.embed_content(model=model, contents=self.args.prompt)
        return {"text": None, "model": None, "usage": dump(done.metadata)}


class Realtime:
    """OpenAI's client of realtime sessions, which is another one below the same name."""

    wire = wires.WebSockets
    path = "/openai/v1"
    model = "gpt-realtime"
    # One after the other, in one session.
    turns = 3

    def __init__(self, args, base_url):
        from openai import AsyncOpenAI
        from websockets.exceptions import InvalidStatus

        self.args = args
        self.refused = InvalidStatus
        options = {} if base_url is None else {"base_url": base_url}
        self.client = lambda: AsyncOpenAI(api_key=args.api_key, **options)
        self.cases = {
            "session": lambda: asyncio.run(self.session()),
            # The client asks for no compression by itself.
            "session-deflate": lambda: asyncio.run(self.session(compression="deflate")),
            "refusal": lambda: asyncio.run(self.session()),
        }

    def is_rate_limit(self, error):
        return isinstance(error, self.refused) and error.response.status_code == 429

    async def session(self, **options):
        text, model, usage = "", None, []
        connecting = self.client().realtime.connect(
            model=self.args.model or self.model,
            extra_headers=self.args.header,
            websocket_connection_options=options,
        )
        async with connecting as connection:
            for _ in range(self.turns):
                await connection.response.create()
                async for event in connection:
                    if event.type == "session.created":
                        model = event.session.model
                    elif event.type == "response.output_audio_transcript.delta":
                        text += event.delta
                    elif event.type == "response.done":
                        usage.append(dump(event.response.usage))
                        break
        return {"text": text, "model": model, "usage": usage}


SDKS = {
    "openai": OpenAI,
    "anthropic": Anthropic,
    "gemini": Gemini,
    "realtime": Realtime,
    "bedrock": vendors.Bedrock,
    "cohere": vendors.Cohere,
    "groq": vendors.Groq,
    "mistral": vendors.Mistral,
    "ollama": vendors.Ollama,
}


def run(sdk, case, wire, naps):
    """One case as one flat object; `exception` is None where the SDK raised nothing."""
    wire.reset()
    naps.clear()
    seen = {"text": None, "model": None, "usage": None}
    raised = {"exception": None, "message": None, "is_rate_limit": False}
    try:
        seen = sdk.cases[case]()
    except Exception as error:  # whatever the SDK raises is what this reports
        kind = type(error)
        raised = {
            "exception": f"{kind.__module__.split('.')[0]}.{kind.__name__}",
            "message": str(error),
            "is_rate_limit": sdk.is_rate_limit(error),
        }
    return {"case": case, "task": sdk.args.task, "naps": naps[:], **seen, **raised, **wire.facts()}


def never_sleep():
    """Lets no SDK sleep between its attempts; what it would have slept, in seconds, is in the list."""
    naps = []
    time.sleep = naps.append
    return naps


def labelled(url, task, by_user):
    """The URL of weir as proxy or as base, with the label of a task."""
    if url is None or task is None:
        return url
    scheme, rest = url.rstrip("/").split("://")
    # boto3 sends no user name without a password.
    return f"{scheme}://task={task}:-@{rest}" if by_user else f"{scheme}://{rest}/@task={task}"


def prepare_environment(args):
    """Keeps what the machine's user has set for these SDKs out of the test."""
    ours = ("OPENAI_", "ANTHROPIC_", "GOOGLE_", "GEMINI_", "AWS_", "CO_", "GROQ_", "MISTRAL_", "OLLAMA_")
    for name in list(os.environ):
        if name.startswith(ours):
            del os.environ[name]
        elif args.mode == "base-url" and name.lower() in ("http_proxy", "https_proxy", "all_proxy"):
            del os.environ[name]
    if args.proxy:
        # Ollama's own host is reached in the clear.
        for name in ("HTTPS_PROXY", "HTTP_PROXY"):
            os.environ[name] = os.environ[name.lower()] = labelled(args.proxy, args.task, True)
    if args.ca_bundle:
        # The second is boto3's.
        os.environ["SSL_CERT_FILE"] = os.environ["REQUESTS_CA_BUNDLE"] = args.ca_bundle
    os.environ["AWS_CONFIG_FILE"] = os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull


def header(text):
    name, separator, value = text.partition("=")
    if not separator:
        raise argparse.ArgumentTypeError(f"expected NAME=VALUE, got {text!r}")
    return name, value


def parse():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sdk", choices=SDKS)
    parser.add_argument("--mode", choices=("base-url", "proxy"), default="base-url")
    parser.add_argument("--base", metavar="URL", help="weir's own URL, for base-url")
    parser.add_argument("--path", help="what follows the base URL; the provider's prefix by default")
    parser.add_argument("--proxy", metavar="URL", help="HTTPS_PROXY; else the caller's environment")
    parser.add_argument("--ca-bundle", metavar="FILE", help="the roots; else the caller's")
    parser.add_argument("--case", action="append", required=True, dest="cases")
    parser.add_argument("--task", action="append", dest="tasks", help="a label of the calls")
    parser.add_argument("--never-sleep", action="store_true", help="count what the SDK would sleep")
    parser.add_argument("--model")
    parser.add_argument("--prompt", default="Say hello.")
    parser.add_argument("--max-tokens", type=int)
    parser.add_argument("--api-key", default="sk-weir-test")
    parser.add_argument("--header", action="append", type=header, default=[], metavar="NAME=VALUE")
    args = parser.parse_args()
    args.header = dict(args.header)
    if (args.mode == "base-url") != (args.base is not None):
        parser.error("--base belongs to --mode base-url, and to it alone")
    return parser, args


def main():
    parser, args = parse()
    path = SDKS[args.sdk].path if args.path is None else args.path
    if args.base and path is None:
        parser.error(f"{args.sdk} goes by --mode proxy")
    wire = SDKS[args.sdk].wire()
    naps = never_sleep() if args.never_sleep else []
    for args.task in args.tasks or [None]:
        prepare_environment(args)
        base = labelled(args.base, args.task, False)
        sdk = SDKS[args.sdk](args, base and base.rstrip("/") + path)
        unknown = [case for case in args.cases if case not in sdk.cases]
        if unknown:
            parser.error(f"{args.sdk} has no case {unknown[0]!r}; it has {', '.join(sdk.cases)}")
        for case in args.cases:
            faulthandler.dump_traceback_later(PATIENCE_SECONDS, exit=True)
            print(json.dumps(run(sdk, case, wire, naps)), flush=True)
            faulthandler.cancel_dump_traceback_later()


if __name__ == "__main__":
    sys.exit(main())
