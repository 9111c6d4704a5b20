package webpush

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
)

// Sizes of a message, in bytes. A push service takes 4,096 in all.
const (
	recordSize = 4096
	saltSize   = 16
	tagSize    = 16
	// headerSize is that of salt, record size, key length and key.
	headerSize = saltSize + 4 + 1 + 65
	// maxText is what is left for the text: one byte ends it.
	maxText = recordSize - headerSize - tagSize - 1
)

// encrypt makes the body of a message for a subscription: one record of aes128gcm (RFC 8188) under keys that only the browser
// can find (RFC 8291). The text is at most maxText long.
func encrypt(s Subscription, text []byte) ([]byte, error) {
	sender, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	var salt [saltSize]byte
	_, _ = rand.Read(salt[:])
	return seal(s, sender, salt, text)
}

// seal is encrypt with what is otherwise random.
func seal(s Subscription, sender *ecdh.PrivateKey, salt [saltSize]byte, text []byte) ([]byte, error) {
	shared, err := sender.ECDH(s.key)
	if err != nil {
		return nil, err
	}
	public := sender.PublicKey().Bytes()
	info := "WebPush: info\x00" + string(s.key.Bytes()) + string(public)
	secret, err := derive(shared, s.auth[:], info, sha256.Size)
	if err != nil {
		return nil, err
	}
	key, err := derive(secret, salt[:], "Content-Encoding: aes128gcm\x00", 16)
	if err != nil {
		return nil, err
	}
	nonce, err := derive(secret, salt[:], "Content-Encoding: nonce\x00", 12)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, err
	}
	body := make([]byte, 0, headerSize+len(text)+1+tagSize)
	body = append(body, salt[:]...)
	body = binary.BigEndian.AppendUint32(body, recordSize)
	body = append(append(body, byte(len(public))), public...)
	// 2 ends the text of the last record.
	return gcm.Seal(body, nonce, append(text[:len(text):len(text)], 2), nil), nil
}

func derive(secret, salt []byte, info string, length int) ([]byte, error) {
	return hkdf.Key(sha256.New, secret, salt, info, length)
}
