"""Parses statements word by word whose grammar sqlglot does not support (COPY, CALL, LOCK, GRANT …)."""

from __future__ import annotations

import itertools

from sqlglot.errors import TokenError
from sqlglot.tokenizer_core import Token, TokenType

from local_aws.redshift.dialect import RedshiftWords
from local_aws.redshift.refusal import SqlNotSupported
from local_aws.redshift.syntax_errors import syntax_error

_NOT_NAMES = {TokenType.STRING, TokenType.NUMBER, TokenType.HEREDOC_STRING}


def split_statements(text: str) -> list[list[Token]]:
    """Return the tokens of each statement in a text, without empty statements.

    Raises:
        SqlNotSupported: The text cannot be tokenized, for example because a string is not closed.
    """
    try:
        tokens = RedshiftWords().tokenize(text)
    except TokenError as error:
        raise syntax_error(error) from None
    statements: list[list[Token]] = [[]]
    for token in tokens:
        if token.token_type == TokenType.SEMICOLON:
            statements.append([])
        else:
            statements[-1].append(token)
    return [statement for statement in statements if statement]


class Words:
    """A statement's tokens and a position in them.

    Args:
        tokens: The tokens of one statement.
        text: The text of the tokens.
    """

    def __init__(self, tokens: list[Token], text: str) -> None:
        self._tokens = tokens
        self._text = text
        self._at = 0

    @property
    def at_end(self) -> bool:
        """Whether everything has been read."""
        return self._at >= len(self._tokens)

    @property
    def at_string(self) -> bool:
        """Whether a string literal comes next."""
        return not self.at_end and self._tokens[self._at].token_type == TokenType.STRING

    def peek(self, ahead: int = 0) -> str:
        """Return the next word in upper case without consuming it; empty at the end and for strings."""
        if self._at + ahead >= len(self._tokens):
            return ""
        token = self._tokens[self._at + ahead]
        return "" if token.token_type in {TokenType.STRING, TokenType.IDENTIFIER} else token.text.upper()

    def take(self, *words: str) -> bool:
        """Consume these words if they come next, and return whether they did."""
        # sqlglot joins some keywords into one token ("PRIMARY KEY"), so compare words, not tokens.
        read = 0
        ahead = 0
        while read < len(words):
            parts = self.peek(ahead).split()
            if not parts or list(words[read : read + len(parts)]) != parts:
                return False
            read += len(parts)
            ahead += 1
        self._at += ahead
        return True

    def expect(self, *words: str) -> None:
        """Consume these words.

        Raises:
            SqlNotSupported: The next words are different.
        """
        if not self.take(*words):
            raise self.syntax_error(f"expecting {' '.join(words)}")

    def one_of(self, *words: str) -> str:
        """Consume one of these words and return it."""
        for word in words:
            if self.take(word):
                return word
        raise self.syntax_error(f"expecting {', '.join(words)}")

    def string(self) -> str:
        """Consume and return a string literal."""
        if not self.at_string:
            raise self.syntax_error("expecting a string in quotes")
        self._at += 1
        return self._tokens[self._at - 1].text

    def number(self) -> int:
        """Consume and return a whole number."""
        if self.at_end or not self._tokens[self._at].text.isdigit():
            raise self.syntax_error("expecting a whole number")
        self._at += 1
        return int(self._tokens[self._at - 1].text)

    def name(self) -> str:
        """Consume and return an identifier, folded to lower case as in Redshift."""
        if self.at_end:
            raise self.syntax_error("expecting a name")
        token = self._tokens[self._at]
        word = token.text
        if token.token_type in _NOT_NAMES or not (
            word[:1].isalpha() or word[:1] == "_" or token.token_type == TokenType.IDENTIFIER
        ):
            raise self.syntax_error("expecting a name")
        self._at += 1
        return word.lower()

    def qualified_name(self) -> tuple[str | None, str]:
        """Consume and return ``[schema.]name``."""
        first = self.name()
        if self.take("."):
            return first, self.name()
        return None, first

    def rest(self) -> str:
        """Consume and return the remaining text as it was written."""
        if self.at_end:
            return ""
        text = self._text[self._tokens[self._at].start : self._tokens[-1].end + 1]
        self._at = len(self._tokens)
        return text

    def end(self) -> None:
        """Check that no words remain."""
        if not self.at_end:
            raise self.syntax_error("unexpected")

    def syntax_error(self, reason: str) -> SqlNotSupported:
        """Return the error for the next word."""
        near = "end of input" if self.at_end else f'"{self._tokens[self._at].text}"'
        return SqlNotSupported(f"syntax error at or near {near}: {reason}")


def quoted(*names: str | None) -> str:
    """Return a qualified name for PostgreSQL. Parts that are None are omitted."""
    return ".".join('"' + name.replace('"', '""') + '"' for name in names if name is not None)


def parameter_names(tokens: list[Token]) -> list[str]:
    """Return the names of a statement's ``:name`` parameters, ignoring ``::type``, strings and comments."""
    return [
        name.text
        for colon, name in itertools.pairwise(tokens)
        if colon.token_type == TokenType.COLON and name.start == colon.end + 1 and name.text.isidentifier()
    ]
