"""The peer of serve.sh: a look-up by key behind a token, as a service in Python has it, from PostgreSQL."""

import os

import jwt
import psycopg_pool
from fastapi import FastAPI, Header, HTTPException
from fastapi.responses import ORJSONResponse

SECRET = open(os.environ["BENCH_SECRET"], encoding="ascii").read().rstrip("\n")
pool = psycopg_pool.AsyncConnectionPool(os.environ["BENCH_STORE"], min_size=8, max_size=8, open=False)
app = FastAPI(default_response_class=ORJSONResponse, on_startup=[pool.open], on_shutdown=[pool.close])


@app.get("/views/v/{key}")
async def row(key: int, authorization: str = Header()):
    """One row, if the token is good for it."""
    try:
        claims = jwt.decode(authorization.removeprefix("Bearer "), SECRET, ["HS256"], options={"require": ["exp"]})
    except jwt.InvalidTokenError as error:
        raise HTTPException(401) from error
    if "view:*" not in claims.get("scope", "").split():
        raise HTTPException(403)
    async with pool.connection() as connection:
        cursor = await connection.execute("SELECT id, name, score, text FROM v WHERE id = %s", (key,))
        found = await cursor.fetchone()
    if found is None:
        raise HTTPException(404)
    return {"data": dict(zip(("id", "name", "score", "text"), found))}
