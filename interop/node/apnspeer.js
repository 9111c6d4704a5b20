// A server of HTTP/2 that plays APNs, in another implementation than Go's: apns_test.go starts it. What it does with a request, the device's
// token says; what it got, it prints, a line of JSON each.
'use strict';

const fs = require('node:fs');
const http2 = require('node:http2');

const [key, cert] = process.argv.slice(2).map((file) => fs.readFileSync(file));
const server = http2.createSecureServer({ key, cert });
server.on('sessionError', () => {});
server.on('stream', (stream, headers) => {
  const parts = [];
  stream.on('error', () => {});
  stream.on('data', (part) => parts.push(part));
  stream.on('end', () => {
    const plain = Object.fromEntries(Object.entries(headers).filter(([name]) => !name.startsWith(':')));
    console.log(JSON.stringify({ method: headers[':method'], path: headers[':path'], scheme: headers[':scheme'], headers: plain, body: Buffer.concat(parts).toString() }));
    const answer = (status, reason, more) => {
      stream.respond({ ':status': status, 'apns-id': headers['apns-id'], ...more });
      stream.end(reason ? JSON.stringify({ reason }) : '');
    };
    switch (headers[':path'].slice(-2)) {
      case '01': answer(410, 'Unregistered'); break;
      case '02': answer(503, 'ServiceUnavailable', { 'retry-after': '7' }); break;
      case '03': stream.close(http2.constants.NGHTTP2_REFUSED_STREAM); break;
      case '04': stream.session.goaway(http2.constants.NGHTTP2_NO_ERROR, 0); stream.session.destroy(); break;
      case '05': stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR); break;
      case '06': break;
      default: answer(200);
    }
  });
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
