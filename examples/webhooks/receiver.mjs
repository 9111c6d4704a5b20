// Receives nudge's webhooks: it verifies each and prints it. npm install standardwebhooks
import http from 'node:http';
import { Webhook } from 'standardwebhooks';

const secret = new Webhook(process.env.WEBHOOK_SECRET);

http.createServer(async (request, response) => {
  let body = '';
  try {
    for await (const chunk of request.setEncoding('utf8')) {
      body += chunk;
      if (body.length > 64 << 10) throw new Error('it is too large');
    }
    secret.verify(body, request.headers);
  } catch {
    response.writeHead(401).end();
    return;
  }
  // The same webhook-id is the same notification, come again.
  console.log(request.headers['webhook-id'], body);
  response.writeHead(204).end();
}).listen(Number(process.env.PORT), '127.0.0.1');
