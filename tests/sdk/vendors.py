"""The SDKs of the providers beside OpenAI, Anthropic, Google and AWS; see `drive`."""

import wires


def dump(model):
    """An SDK's object as plain JSON, without what the provider did not send."""
    return None if model is None else model.model_dump(mode="json", exclude_none=True)


class Vendor:
    """What the cases of all of them have in common: one call, and the same call streamed."""

    def __init__(self, args, base_url):
        self.args = args
        self.make(base_url)
        self.cases = {
            "plain": self.plain,
            "stream": self.stream,
            "refusal": self.plain,
            "refusal-stream": self.stream,
        }

    def request(self):
        limit = {} if self.args.max_tokens is None else {"max_tokens": self.args.max_tokens}
        messages = [{"role": "user", "content": self.args.prompt}]
        return {"model": self.args.model or self.model, "messages": messages, **limit}


class Mistral(Vendor):
    wire = wires.Httpx
    path = "/mistral"
    model = "mistral-small-latest"

    def make(self, base_url):
        from mistralai.client import Mistral as Client

        options = {} if base_url is None else {"server_url": base_url}
        self.client = Client(api_key=self.args.api_key, **options)

    def is_rate_limit(self, error):
        return type(error).__name__ == "SDKError" and error.status_code == 429

    def plain(self):
        done = self.client.chat.complete(http_headers=self.args.header, **self.request())
        text = done.choices[0].message.content
        return {"text": text, "model": done.model, "usage": dump(done.usage)}

    def stream(self):
        text, model, usage = "", None, None
        for event in self.client.chat.stream(http_headers=self.args.header, **self.request()):
            text += "".join(choice.delta.content or "" for choice in event.data.choices)
            model, usage = event.data.model, event.data.usage or usage
        return {"text": text, "model": model, "usage": dump(usage)}


class Groq(Vendor):
    wire = wires.OldHttpx
    path = "/groq"
    model = "llama-3.1-8b-instant"

    def make(self, base_url):
        import groq

        self.rate_limit = groq.RateLimitError
        options = {} if base_url is None else {"base_url": base_url}
        self.client = groq.Groq(
            api_key=self.args.api_key, default_headers=self.args.header, **options
        )

    def is_rate_limit(self, error):
        return isinstance(error, self.rate_limit)

    def plain(self):
        done = self.client.chat.completions.create(**self.request())
        text = done.choices[0].message.content
        return {"text": text, "model": done.model, "usage": dump(done.usage)}

    def stream(self):
        text, model, usage = "", None, None
        for chunk in self.client.chat.completions.create(stream=True, **self.request()):
            text += "".join(choice.delta.content or "" for choice in chunk.choices)
            model = chunk.model
            usage = (chunk.x_groq and chunk.x_groq.usage) or usage
        return {"text": text, "model": model, "usage": dump(usage)}


class Cohere(Vendor):
    wire = wires.OldHttpx
    path = "/cohere"
    model = "command-r7b-12-2024"

    def make(self, base_url):
        import cohere

        from cohere.core.api_error import ApiError

        # 402 is what Cohere says where an account's limit is reached.
        self.error = ApiError
        self.client = cohere.ClientV2(api_key=self.args.api_key, base_url=base_url)
        self.options = {"request_options": {"additional_headers": self.args.header}}

    def is_rate_limit(self, error):
        return isinstance(error, self.error) and error.status_code in (402, 429)

    def plain(self):
        done = self.client.chat(**self.request(), **self.options)
        text = "".join(part.text for part in done.message.content)
        return {"text": text, "model": None, "usage": done.usage.dict()}

    def stream(self):
        text, usage = "", None
        for event in self.client.chat_stream(**self.request(), **self.options):
            if event.type == "content-delta":
                text += event.delta.message.content.text
            elif event.type == "message-end":
                usage = event.delta.usage.dict()
        return {"text": text, "model": None, "usage": usage}


class Ollama(Vendor):
    wire = wires.OldHttpx
    path = "/ollama"
    model = "llama3.2"

    def make(self, base_url):
        import ollama

        self.error = ollama.ResponseError
        self.client = ollama.Client(host=base_url, headers=self.args.header)

    def is_rate_limit(self, error):
        return isinstance(error, self.error) and error.status_code == 429

    def request(self):
        limit = self.args.max_tokens
        return {
            "model": self.args.model or self.model,
            "messages": [{"role": "user", "content": self.args.prompt}],
            "options": None if limit is None else {"num_predict": limit},
        }

    def told(self, done, text):
        usage = {"input": done.prompt_eval_count, "output": done.eval_count}
        return {"text": text, "model": done.model, "usage": usage}

    def plain(self):
        done = self.client.chat(**self.request())
        return self.told(done, done.message.content)

    def stream(self):
        text, done = "", None
        for done in self.client.chat(stream=True, **self.request()):
            text += done.message.content
        return self.told(done, text)


class Bedrock:
    wire = wires.Urllib3
    # The host is signed: AWS would refuse what came by a base URL.
    path = None
    model = "us.anthropic.claude-haiku-4-5-20251001-v1:0"
    max_tokens = 64

    def __init__(self, args, base_url):
        import boto3
        from botocore.exceptions import ClientError

        self.args = args
        self.error = ClientError
        self.client = boto3.client(
            "bedrock-runtime",
            region_name="us-west-2",
            aws_access_key_id="AKIDEXAMPLE",
            aws_secret_access_key="wJalrEXAMPLEKEY",
            endpoint_url=base_url,
        )
        self.cases = {
            "plain": self.plain,
            "stream": self.stream,
            "refusal": self.plain,
            "refusal-stream": self.stream,
        }

    def is_rate_limit(self, error):
        quota = ("ServiceQuotaExceededException", "ThrottlingException")
        return isinstance(error, self.error) and error.response["Error"]["Code"] in quota

    def request(self):
        limit = self.args.max_tokens or self.max_tokens
        return {
            "modelId": self.args.model or self.model,
            "messages": [{"role": "user", "content": [{"text": self.args.prompt}]}],
            "inferenceConfig": {"maxTokens": limit},
        }

    def plain(self):
        done = self.client.converse(**self.request())
        text = "".join(part.get("text", "") for part in done["output"]["message"]["content"])
        return {"text": text, "model": None, "usage": done["usage"]}

    def stream(self):
        text, usage = "", None
        for event in self.client.converse_stream(**self.request())["stream"]:
            text += event.get("contentBlockDelta", {}).get("delta", {}).get("text", "")
            usage = event.get("metadata", {}).get("usage", usage)
        return {"text": text, "model": None, "usage": usage}
