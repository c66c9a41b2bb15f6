"""The trainer for processors without Apple's GPU: torch, transformers and PEFT live here only."""
