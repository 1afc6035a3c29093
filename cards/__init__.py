"""What an agent says of itself: its Agent Card, built, served, rewritten for the gateway, and told to the registry.

May import `agentnet.discovery`, `agentnet.manifests` and `agentnet.tasks`. Start with `build`.
"""

from cards.build import build_card, card_to_json
from cards.describe import entry_from_card, entry_words
from cards.rewrite import rewrite_card
from cards.serve import CardResponse

__all__ = ["CardResponse", "build_card", "card_to_json", "entry_from_card", "entry_words", "rewrite_card"]
