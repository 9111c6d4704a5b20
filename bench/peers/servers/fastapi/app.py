"""A lending library in FastAPI, written as such applications usually are. Everything is kept in memory.

    python app.py PORT

serves it on 127.0.0.1. Its OpenAPI 3.1 document is what FastAPI derives from this file: GET /openapi.json.
"""

import sys
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from typing import Annotated, Literal
from uuid import UUID, uuid4

import uvicorn
from fastapi import Cookie, FastAPI, File, Form, Header, HTTPException, Path, Query, Response, UploadFile
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel, EmailStr, Field

app = FastAPI(title="Library", version="1.0.0")


class Genre(str, Enum):
    novel = "novel"
    poetry = "poetry"
    science = "science"
    travel = "travel"


class Sort(str, Enum):
    title = "title"
    price = "price"
    published = "published"


class Author(BaseModel):
    name: str = Field(min_length=1, max_length=80)
    born: int | None = Field(default=None, ge=1000, le=2100)


class Chapter(BaseModel):
    title: str = Field(min_length=1, max_length=120)
    pages: int = Field(gt=0, le=2000)
    sections: list["Chapter"] = Field(default=[], max_length=5)


class BookIn(BaseModel):
    title: str = Field(min_length=1, max_length=200)
    isbn: str | None = Field(default=None, pattern=r"^97[89]-[0-9]{10}$")
    genre: Genre = Genre.novel
    price: float = Field(ge=0, le=10000)
    published: date | None = None
    authors: list[Author] = Field(min_length=1, max_length=10)
    chapters: list[Chapter] = []
    labels: dict[str, str] = {}


class BookPatch(BaseModel):
    title: str | None = Field(default=None, min_length=1, max_length=200)
    price: float | None = Field(default=None, ge=0, le=10000)
    genre: Genre | None = None


class Book(BookIn):
    id: UUID
    added: datetime


class Cover(BaseModel):
    book: UUID
    name: str | None
    size: int
    caption: str | None


class MemberIn(BaseModel):
    name: str = Field(min_length=2, max_length=60)
    email: EmailStr
    birthday: date
    newsletter: bool = False


class Member(MemberIn):
    id: UUID


class LoanIn(BaseModel):
    member: UUID
    books: list[UUID] = Field(min_length=1, max_length=5)
    start: datetime
    days: Literal[7, 14, 28] = 14
    note: str | None = Field(default=None, max_length=200)


class Loan(LoanIn):
    id: UUID
    end: datetime


class ByTitle(BaseModel):
    kind: Literal["title"]
    words: list[str] = Field(min_length=1, max_length=3)


class ByPrice(BaseModel):
    kind: Literal["price"]
    most: Decimal = Field(ge=0, max_digits=8, decimal_places=2)


class ByYear(BaseModel):
    kind: Literal["year"]
    year: int = Field(ge=1450, le=2100)


class Search(BaseModel):
    by: Annotated[ByTitle | ByPrice | ByYear, Field(discriminator="kind")]
    limit: int = Field(default=10, ge=1, le=50)


class Visitor(BaseModel):
    session: str
    language: str
    visits: int


class Error(BaseModel):
    detail: str


books: dict[UUID, Book] = {}
members: dict[UUID, Member] = {}
loans: dict[UUID, Loan] = {}

NOT_FOUND = {404: {"model": Error, "description": "There is no such thing."}}
CONFLICT = {409: {"model": Error, "description": "There is one already."}}


def find(things: dict, id: UUID):
    if id not in things:
        raise HTTPException(404, "not found")
    return things[id]


@app.get("/health", response_class=PlainTextResponse)
def health() -> str:
    return "ok"


@app.get("/books")
def list_books(
    response: Response,
    q: Annotated[str | None, Query(min_length=2, max_length=40)] = None,
    genre: Annotated[list[Genre], Query(max_length=3)] = [],
    max_price: Annotated[float | None, Query(gt=0)] = None,
    published_after: date | None = None,
    sort: Sort = Sort.title,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    offset: Annotated[int, Query(ge=0)] = 0,
    x_request_id: Annotated[UUID | None, Header()] = None,
) -> list[Book]:
    found = [
        b
        for b in books.values()
        if (not q or q.lower() in b.title.lower())
        and (not genre or b.genre in genre)
        and (max_price is None or b.price <= max_price)
        and (published_after is None or (b.published or date.min) > published_after)
    ]
    found.sort(key=lambda b: (b.published or date.min) if sort == Sort.published else getattr(b, sort.value))
    if x_request_id:
        response.headers["X-Request-Id"] = str(x_request_id)
    return found[offset : offset + limit]


@app.post("/books", status_code=201)
def create_book(book: BookIn) -> Book:
    made = Book(id=uuid4(), added=datetime.now(timezone.utc), **book.model_dump())
    books[made.id] = made
    return made


@app.get("/books/{book_id}", responses=NOT_FOUND)
def read_book(book_id: UUID) -> Book:
    return find(books, book_id)


@app.put("/books/{book_id}", responses=NOT_FOUND)
def replace_book(book_id: UUID, book: BookIn) -> Book:
    books[book_id] = Book(id=book_id, added=find(books, book_id).added, **book.model_dump())
    return books[book_id]


@app.patch("/books/{book_id}", responses=NOT_FOUND)
def change_book(book_id: UUID, patch: BookPatch) -> Book:
    changes = patch.model_dump(exclude_none=True)
    books[book_id] = find(books, book_id).model_copy(update=changes)
    return books[book_id]


@app.delete("/books/{book_id}", status_code=204, responses=NOT_FOUND)
def delete_book(book_id: UUID) -> None:
    find(books, book_id)
    del books[book_id]


@app.post("/books/{book_id}/cover", status_code=201, responses=NOT_FOUND)
async def upload_cover(
    book_id: UUID,
    picture: Annotated[UploadFile, File(description="Any picture.")],
    caption: Annotated[str | None, Form(max_length=100)] = None,
) -> Cover:
    find(books, book_id)
    return Cover(book=book_id, name=picture.filename, size=len(await picture.read()), caption=caption)


@app.post("/members", status_code=201, responses=CONFLICT)
def create_member(member: Annotated[MemberIn, Form()]) -> Member:
    if any(m.email == member.email for m in members.values()):
        raise HTTPException(409, "a member has this address")
    made = Member(id=uuid4(), **member.model_dump())
    members[made.id] = made
    return made


@app.get("/members/{member_id}", responses=NOT_FOUND)
def read_member(member_id: UUID) -> Member:
    return find(members, member_id)


@app.post("/loans", status_code=201)
def create_loan(loan: LoanIn) -> Loan:
    made = Loan(id=uuid4(), end=loan.start + timedelta(days=loan.days), **loan.model_dump())
    loans[made.id] = made
    return made


@app.get("/loans/{loan_id}", responses=NOT_FOUND)
def read_loan(loan_id: UUID) -> Loan:
    return find(loans, loan_id)


@app.post("/search")
def search(search: Search) -> list[Book]:
    by = search.by
    found = [
        b
        for b in books.values()
        if (by.kind == "title" and all(w in b.title for w in by.words))
        or (by.kind == "price" and b.price <= by.most)
        or (by.kind == "year" and b.published is not None and b.published.year == by.year)
    ]
    return found[: search.limit]


@app.get("/visitor")
def visitor(
    session: Annotated[str, Cookie(min_length=8, max_length=64, pattern="^[a-z0-9]+$")],
    visits: Annotated[int, Cookie(ge=0)] = 0,
    accept_language: Annotated[str, Header(max_length=40)] = "en",
    x_token: Annotated[str | None, Header(min_length=4)] = None,
) -> Visitor:
    return Visitor(session=session, language=accept_language, visits=visits + 1)


@app.get("/openings/{day}/{desk}")
def openings(
    day: date,
    desk: Annotated[int, Path(ge=1, le=9)],
    hours: Annotated[list[int], Query(max_length=4)] = [],
    late: bool = False,
) -> dict[str, bool]:
    return {str(h): day.weekday() < 6 and 9 <= h < (20 if late else 18) for h in hours}


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
