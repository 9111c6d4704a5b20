// Package accounts holds who may call: accounts with their auth tokens, and API keys with their secrets.
//
// A file of accounts is YAML, and is read again when it changes:
//
//	accounts:
//	  - sid: AC0123456789abcdef0123456789abcdef
//	    tokens:                       # any of them; two while one replaces the other
//	      - dev0token                 # plain, or
//	      - sha256:9f86d081884c7d65…  # the SHA-256 of the token, 64 hexadecimal digits
//	    keys:
//	      - sid: SK0123456789abcdef0123456789abcdef
//	        secret: sha256:…
//
// Tokens are long and random, so a plain hash keeps them; a slow password hash would cost every request.
package accounts
