"""Families whose image attends to the tokens of one text encoder, with padding masked: PixArt and Sana."""

from __future__ import annotations

from infodecomp.estimator.condition import MASK, STATES, Condition
from infodecomp.models.families.family import Family


class MaskedText(Family):
    """Cross-attention, the second attention of every block, to the states of a prompt that its pipeline encodes."""

    text_keys = "alone"

    @staticmethod
    def is_recorded(layer: str) -> bool:
        return layer.endswith(".attn2")

    def encoded(self, prompt: str) -> Condition:
        states, mask, *_ = self.pipeline.encode_prompt(
            prompt,
            do_classifier_free_guidance=False,
            device=self.device,
            clean_caption=False,
            max_sequence_length=self.readers[0].limit,
        )
        return Condition({STATES: states[0], MASK: mask[0].bool()})
