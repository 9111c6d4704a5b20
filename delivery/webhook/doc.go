// Package webhook is the delivery.Channel to devices that are behind a URL of their owner's: each attempt is one POST,
// signed by the Standard Webhooks scheme (https://www.standardwebhooks.com).
//
// The signature's time is the attempt's, and webhook-id is the notification's SID, the same on every attempt. Answers of
// 2xx deliver; 410 gives up; everything else, and no answer, is tried again, after Retry-After where the answer has one.
// Redirects are not followed. Addresses that are not public are refused, on the address that is dialled, unless allowed.
package webhook
