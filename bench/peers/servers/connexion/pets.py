"""The operations of openapi.yaml: connexion's MethodResolver calls PetsView.search, post, get, put and delete."""

import itertools

from connexion import problem

# The document has two media types, so connexion wants to be told which one an answer has.
JSON = {"Content-Type": "application/json"}


class PetsView:
    def __init__(self):
        self.pets = {}
        self.ids = itertools.count(1)

    def search(self, limit=100, kind=None, born_after=None):
        found = [
            p
            for p in self.pets.values()
            if (not kind or p["kind"] in kind) and (not born_after or (p.get("born") or "") > born_after)
        ]
        return found[:limit], 200, JSON

    def post(self, body):
        pet = {"id": next(self.ids), **body}
        self.pets[pet["id"]] = pet
        return pet, 201, JSON

    def get(self, pet_id):
        if pet_id not in self.pets:
            return self.missing(pet_id)
        return self.pets[pet_id], 200, JSON

    def put(self, pet_id, body):
        if pet_id not in self.pets:
            return self.missing(pet_id)
        self.pets[pet_id] = {"id": pet_id, **body}
        return self.pets[pet_id], 200, JSON

    def delete(self, pet_id):
        if self.pets.pop(pet_id, None) is None:
            return self.missing(pet_id)
        return None, 204

    def missing(self, pet_id):
        return problem(404, "Not Found", f"there is no pet {pet_id}")
