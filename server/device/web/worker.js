// The service worker of a device in the browser: it shows what its push service brings, also while no page is open.
self.addEventListener('push', (event) => {
  const n = event.data.json();
  // The same notification may come twice: the tag has it shown once.
  event.waitUntil(self.registration.showNotification(n.title, { body: n.body, tag: n.sid, data: n }));
});
self.addEventListener('notificationclick', (event) => {
  event.notification.close();
  event.waitUntil(self.clients.openWindow(new URL('../devices', self.location)));
});
