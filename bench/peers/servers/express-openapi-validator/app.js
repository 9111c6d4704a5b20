// Pets in Express behind express-openapi-validator, as its example "1-standard": the document is openapi.yaml, and both
// what comes in and what goes out is validated.
//
//     node app.js PORT
import { fileURLToPath } from 'node:url'
import express from 'express'
import * as OpenApiValidator from 'express-openapi-validator'

const app = express()
app.use(express.json())
app.use(
  OpenApiValidator.middleware({
    apiSpec: fileURLToPath(new URL('openapi.yaml', import.meta.url)),
    validateRequests: true,
    validateResponses: true,
    validateFormats: true,
  }),
)

const pets = new Map()
let last = 0

function find(req) {
  const pet = pets.get(Number(req.params.id))
  if (!pet) throw Object.assign(new Error('there is no such pet'), { status: 404 })
  return pet
}

app.get('/v1/pets', (req, res) => {
  const { type, tags, limit, adopted_since: since, neutered } = req.query
  const found = [...pets.values()].filter(
    (p) =>
      (!type || p.type === type) &&
      (!tags || tags.every((t) => p.tags?.includes(t))) &&
      (!since || (p.adopted && new Date(p.adopted) >= new Date(since))) &&
      (neutered === undefined || !neutered),
  )
  res.json(found.slice(0, limit))
})

app.post('/v1/pets', (req, res) => {
  const pet = { ...req.body, id: ++last }
  pets.set(pet.id, pet)
  res.status(201).json(pet)
})

app.get('/v1/pets/:id', (req, res) => {
  res.json(find(req))
})

app.put('/v1/pets/:id', (req, res) => {
  const pet = { ...req.body, id: find(req).id }
  pets.set(pet.id, pet)
  res.json(pet)
})

app.delete('/v1/pets/:id', (req, res) => {
  pets.delete(find(req).id)
  res.status(204).end()
})

app.post('/v1/pets/:id/photo', (req, res) => {
  find(req)
  res.json({ size: req.files[0].size, caption: req.body.caption })
})

// The validator's errors have a status and a list; Express finds an error handler by its four parameters.
app.use((err, req, res, next) => {
  res.status(err.status ?? 500).json({ message: err.message, errors: err.errors })
})

app.listen(Number(process.argv[2]), '127.0.0.1')
