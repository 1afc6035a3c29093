"""What servers say when a prompt is too long for their model: how much there is room for, and how much came."""

import pytest

from agentnet.prompts.sizes import sizes_told

SAID = {
    # OpenAI and those that have its words: DeepSeek, Azure, LiteLLM
    "This model's maximum context length is 4097 tokens. However, your messages resulted in 5006 tokens. Please reduce "
    "the length of the messages.": (4097, 5006),
    "This model's maximum context length is 4097 tokens. However, you requested 5006 tokens (4006 in the messages, "
    "1000 in the completion).": (4097, 4006),
    "Your input exceeds the context window of this model. Please adjust your input and try again.": (None, None),
    # vLLM
    "This model's maximum context length is 4096 tokens. However, your request has 5210 input tokens. Please reduce "
    "the length of the input messages.": (4096, 5210),
    "'max_tokens' or 'max_completion_tokens' is too large: 4096. This model's maximum context length is 4096 tokens "
    "and your request has 120 input tokens (4096 > 4096 - 120).": (4096, 120),
    "You passed 5210 input tokens and requested 0 output tokens. However, the model's context length is only 4096 "
    "tokens, resulting in a maximum input length of 4096 tokens.": (4096, 5210),
    # llama.cpp, its Python binding, LM Studio
    "request (5210 tokens) exceeds the available context size (4096 tokens), try increasing it": (4096, 5210),
    '{"message":"the request exceeds the available context size","n_prompt_tokens":5210,"n_ctx":4096}': (4096, 5210),
    "Requested tokens (2285) exceed context window of 2048": (2048, 2285),
    "Trying to keep the first 111490 tokens when context the overflows. However, the model is loaded with context "
    "length of only 32768 tokens, which is not enough.": (32768, 111490),
    "The number of tokens to keep from the initial prompt is greater than the context length (n_keep: 5210>= n_ctx: "
    "4096).": (4096, 5210),
    # Gemini, Anthropic, Mistral, Cohere, xAI
    "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).": (1048576, 1200000),
    "The input token count exceeds the maximum number of tokens allowed 1048576.": (1048576, None),
    "prompt is too long: 210,000 tokens > 200,000 maximum": (200000, 210000),
    "input length and `max_tokens` exceed context limit: 198000 + 8192 > 200000, decrease input length": (
        200000,
        198000,
    ),
    "Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum context length": (
        32768,
        40000,
    ),
    "too many tokens: total number of tokens in the prompt cannot exceed 4081 - received 5000": (4081, 5000),
    "This model's maximum prompt length is 131072 but the request contains 200000 tokens.": (131072, 200000),
    # TGI, SGLang, DashScope, Groq, Bedrock
    "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 4500 `inputs` tokens and 100 "
    "`max_new_tokens`": (4096, 4500),
    "Requested token count exceeds the model's maximum context length of 4096 tokens. You requested a total of 5000 "
    "tokens: 4500 tokens from the input messages and 500 tokens for the completion.": (4096, 4500),
    "The input (5000 tokens) is longer than the model's context length (4096 tokens).": (4096, 5000),
    "Range of input length should be [1, 30720]": (30720, None),
    "Please reduce the length of the messages or completion.": (None, None),
    "Input is too long for requested model.": (None, None),
}


@pytest.mark.parametrize("words", SAID)
@pytest.mark.parametrize("before", ["", "The model's server answers 400 (Bad Request): "])
def test_a_refusal_tells_the_size_of_the_context_and_of_the_prompt(words: str, before: str) -> None:
    assert sizes_told(before + words) == SAID[words]
