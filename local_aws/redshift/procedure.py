"""Stored procedures. Redshift's PL/pgSQL comes from an older PostgreSQL, so a body runs after a check and some changes.

CURRENT_USER becomes the user of the statement, DATEADD becomes the function in compat.sql, and an EXCEPTION block
remembers the error that it handles, because Redshift throws it again after the block. The other SQL in the body is not
translated. Code that would have a different meaning in PostgreSQL is therefore refused when the procedure is created:
functions outside the allow-list, statements that define tables, and PostgreSQL's own syntax.
The check does not cover SQL that a body builds as a string (EXECUTE). Such SQL must be valid for both.
"""

from __future__ import annotations

from itertools import groupby, takewhile

from sqlglot import exp
from sqlglot.errors import TokenError
from sqlglot.tokenizer_core import Token, TokenType

from local_aws.redshift.dialect import PostgresWriter, RedshiftWords, text_length
from local_aws.redshift.functions import CALLABLE_IN_PROCEDURES, date_part
from local_aws.redshift.refusal import SqlNotSupported
from local_aws.redshift.statement_text import quoted
from local_aws.redshift.syntax_errors import syntax_error

_REFUSED_WORDS = {
    "RETURNING", "LATERAL", "JSONB", "JSON", "SERIAL", "BIGSERIAL", "ARRAY", "MERGE", "QUALIFY", "LISTAGG",
    "COPY", "UNLOAD", "CREATE", "ALTER", "TRUNCATE", "COMMIT", "ROLLBACK", "SYSDATE",
}  # fmt: skip
_REFUSED_PAIRS = {("ON", "CONFLICT"), ("DISTINCT", "ON"), ("AT", "TIME"), ("REDSHIFT", "."), ("REDSHIFT_RECORDS", ".")}
_BEFORE_A_LIST = {"INTO", "TABLE", "AS", "CALL", "OPEN", "UPDATE", "FROM", "JOIN", "CURSOR"}
_NOT_CALLS = {
    "IF", "ELSIF", "WHILE", "RETURN", "IN", "VALUES", "AND", "OR", "NOT", "EXISTS", "USING", "ON", "WHEN",
    "THEN", "EXECUTE", "SELECT", "WHERE", "BY", "OVER", "PARTITION", "CASE", "ELSE", "EXCEPTION", "NOTICE",
    "INFO", "CAST", "EXTRACT", "SUBSTRING", "TRIM", "POSITION", "VARCHAR", "CHAR", "CHARACTER", "DECIMAL",
    "NUMERIC", "TIMESTAMP", "HAVING", "SET", "ALL", "ANY", "UNION", "DISTINCT", "INTERVAL", "LOOP", "EXIT",
    "BETWEEN", "LIKE", "INTO", "FROM", "AS", "VARYING", "PERFORM",
}  # fmt: skip
_REMEMBER = (
    " DECLARE redshift_stack text; BEGIN GET DIAGNOSTICS redshift_stack = PG_CONTEXT;"
    " PERFORM redshift.remember_error(SQLERRM, redshift_stack); END;"
)
_PLAIN_PARAMETER_TYPES = {
    exp.DataType.Type.SMALLINT, exp.DataType.Type.INT, exp.DataType.Type.BIGINT, exp.DataType.Type.FLOAT,
    exp.DataType.Type.DOUBLE, exp.DataType.Type.BOOLEAN, exp.DataType.Type.DATE, exp.DataType.Type.TIMESTAMP,
    exp.DataType.Type.TIMESTAMPTZ,
}  # fmt: skip


def create_procedure(tree: exp.Create) -> str:
    """Return CREATE [OR REPLACE] PROCEDURE for PostgreSQL.

    Raises:
        SqlNotSupported: The header or the body contains something that the local Redshift does not run as Redshift.
    """
    header = tree.this
    body = tree.args.get("expression")
    if not isinstance(header, exp.UserDefinedFunction) or not isinstance(body, exp.Heredoc):
        raise SqlNotSupported("syntax error: CREATE PROCEDURE name(…) AS $$ … $$ LANGUAGE plpgsql")
    language, security = "", ""
    properties = tree.args.get("properties")
    for item in properties.expressions if properties else []:
        if isinstance(item, exp.LanguageProperty):
            language = item.name.lower()
        elif isinstance(item, exp.SqlSecurityProperty):
            security = f" SECURITY {item.name.upper() or str(item.this).upper()}"
        else:
            raise SqlNotSupported(
                f"CREATE PROCEDURE … {item.sql(dialect='redshift')} is not supported by the local Redshift"
            )
    if language != "plpgsql":
        raise SqlNotSupported("a procedure's language must be plpgsql")
    text = _checked_body(str(body.this))
    parameters = ", ".join(_parameters(header.expressions))
    name = quoted(header.this.db.lower() or None, header.this.name.lower())
    replace = "OR REPLACE " if tree.args.get("replace") else ""
    tag = "$body$"
    while tag in text:
        tag = f"{tag[:-1]}_$"
    return f"CREATE {replace}PROCEDURE {name}({parameters}) LANGUAGE plpgsql{security} AS {tag}{text}{tag}"


def drop_procedure(tree: exp.Drop) -> str:
    """Return DROP PROCEDURE name(types) for PostgreSQL. Redshift has no form without the types."""
    exists = "IF EXISTS " if tree.args.get("exists") else ""
    types = ", ".join(_parameter_type(item) for item in tree.expressions)
    return f"DROP PROCEDURE {exists}{quoted(tree.this.db.lower() or None, tree.this.name.lower())}({types})"


def _parameters(items: list[exp.Expr]) -> list[str]:
    """Return the parameters. A CALL names no values for OUT parameters, so they get a default."""
    written = [_parameter(item) for item in items]
    outputs = [parameter.startswith("OUT ") for parameter in written]
    if outputs != sorted(outputs):
        raise SqlNotSupported("an OUT parameter before an input parameter is not supported by the local Redshift")
    return [
        f"IN{parameter} DEFAULT NULL" if output else parameter
        for parameter, output in zip(written, outputs, strict=True)
    ]


def _parameter(item: exp.Expr) -> str:
    if not isinstance(item, exp.ColumnDef) or not isinstance(item.args.get("kind"), exp.DataType):
        raise SqlNotSupported("a procedure's parameter needs a name and a type")
    mode = ""
    for constraint in item.args.get("constraints") or []:
        if not isinstance(constraint, exp.InOutColumnConstraint):
            raise SqlNotSupported(f"parameter {item.name}: {constraint.sql(dialect='redshift')} is not supported")
        mode = "INOUT " if constraint.args.get("input_") and constraint.args.get("output") else ""
        mode = mode or ("OUT " if constraint.args.get("output") else "IN ")
    return f"{mode}{quoted(item.name.lower())} {_parameter_type(item.args['kind'])}"


def _parameter_type(item: exp.Expr) -> str:
    if isinstance(item, exp.DataType):
        text = text_length(item)
        if text is not None:
            return text[0]
        if item.this == exp.DataType.Type.DECIMAL:
            return "numeric"
        if item.this in _PLAIN_PARAMETER_TYPES:
            return item.sql(dialect=PostgresWriter)
        if item.sql(dialect="redshift").lower() == "refcursor":
            return "refcursor"
    raise SqlNotSupported(f"a parameter of type {item.sql(dialect='redshift')} is not supported by the local Redshift")


def _checked_body(text: str) -> str:
    try:
        # ":=" and "<<label>>" belong to PL/pgSQL. The tokenizer splits them into tokens that match no checked word.
        tokens = RedshiftWords().tokenize(text)
    except TokenError as error:
        raise syntax_error(error) from None
    # Words in quotes are values or names, never syntax.
    words = [
        "" if token.token_type in {TokenType.STRING, TokenType.IDENTIFIER} else token.text.upper() for token in tokens
    ]
    for index, word in enumerate(words):
        before = words[index - 1] if index else ""
        after = words[index + 1] if index + 1 < len(words) else ""
        if word in _REFUSED_WORDS or (word, after) in _REFUSED_PAIRS:
            found = word if word in _REFUSED_WORDS else f"{word} {after}"
            raise SqlNotSupported(f"{found} in a procedure's body is not supported by the local Redshift")
        called = after == "(" and _looks_like_a_name(tokens[index]) and before not in _BEFORE_A_LIST and before != "."
        allowed = word in _NOT_CALLS or word == "DATEADD" or word.lower() in CALLABLE_IN_PROCEDURES
        if called and not allowed:
            raise SqlNotSupported(
                f"function {word.lower()}() in a procedure's body is not supported by the local Redshift"
            )
        if word == "RAISE":
            _check_raise(tokens[index + 1 :])
    return _changed(text, tokens, words)


def _changed(text: str, tokens: list[Token], words: list[str]) -> str:
    """Return the body with Redshift's CURRENT_USER and DATEADD, and with EXCEPTION blocks that remember the error.

    Sources: https://docs.aws.amazon.com/redshift/latest/dg/r_DATEADD_function.html
    https://docs.aws.amazon.com/redshift/latest/dg/stored-procedure-trapping-errors.html
    """
    changes: list[tuple[int, int, str]] = []
    for index, word in enumerate(words):
        if word == "CURRENT_USER":
            changes.append((tokens[index].start, tokens[index].end + 1, 'redshift."current_user"()'))
        elif word == "DATEADD" and words[index + 1 : index + 2] == ["("]:
            part = tokens[index + 2]
            changes.append((tokens[index].start, tokens[index].end + 1, "redshift.date_add"))
            changes.append((part.start, part.end + 1, f"'{date_part(exp.var(part.text))}'"))
        elif word == "EXCEPTION" and words[index + 1 : index + 2] == ["WHEN"]:
            if words[index + 2 : index + 4] != ["OTHERS", "THEN"]:
                raise SqlNotSupported("OTHERS is the only supported condition in an EXCEPTION block")
            if words.count("BEGIN") > 1:
                raise SqlNotSupported(
                    "an EXCEPTION block in a procedure with nested blocks is not supported by the local Redshift"
                )
            after = tokens[index + 3].end + 1
            changes.append((after, after, _REMEMBER))
    for start, end, new in reversed(changes):
        text = text[:start] + new + text[end:]
    return text


def _check_raise(tokens: list[Token]) -> None:
    """Check that the values of a RAISE are variables, because Redshift's syntax has no expressions there.

    Source: RAISE level 'format' [, variable [, …]] in
    https://docs.aws.amazon.com/redshift/latest/dg/c_PLpgSQL-statements.html
    """
    kinds = [token.token_type for token in takewhile(lambda token: token.token_type != TokenType.SEMICOLON, tokens)]
    values = kinds[kinds.index(TokenType.STRING) + 1 :] if TokenType.STRING in kinds else []
    names = [list(group) for is_comma, group in groupby(values, TokenType.COMMA.__eq__) if not is_comma]
    if not all(_is_variable(name) for name in names):
        raise SqlNotSupported("RAISE takes variables, no expressions: assign the value to a variable first")


def _is_variable(kinds: list[TokenType]) -> bool:
    """Return whether these are the tokens of a variable or of a record's field."""
    literals = {TokenType.NUMBER, TokenType.STRING}
    return (len(kinds) == 1 or (len(kinds) == 3 and kinds[1] == TokenType.DOT)) and literals.isdisjoint(kinds)


def _looks_like_a_name(token: Token) -> bool:
    return token.text[:1].isalpha() or token.text[:1] == "_"
