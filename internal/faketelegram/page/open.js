// The key is in the cookie by now: it need not stay in the address and the history.
location.replace('/' + location.hash)
