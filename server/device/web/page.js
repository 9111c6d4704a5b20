// The page /devices: a phone beside the form that says whose it is.
import { attach } from './phone.js';

const form = document.getElementById('form');
const { service, identity, token } = form.elements;

const phone = attach(document.getElementById('phone'), {
  device: () => (form.reportValidity() ? { service: service.value, identity: identity.value } : undefined),
  // Without the field this server gives a token to everybody.
  token: token && (() => token.value.trim()),
});
// It is another device from here on.
form.addEventListener('change', phone.renew);
form.addEventListener('submit', (event) => event.preventDefault());
if (!token) phone.turnOn();
