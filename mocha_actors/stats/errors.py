"""What can be wrong with a question."""

from __future__ import annotations

from mocha_actors.errors import PermanentError


class QuestionError(PermanentError):
    """A question that has no answer as it is put; the text names parameter, value and what is allowed.

    It is a domain error of the question: whoever asked gets it, and the engine goes on.
    """
