// The chat page. The server holds all state; this file shows it, follows the
// stream of changes, and sends what the person does. Everything that comes from
// a message goes into the page as text, never as HTML.
'use strict'

const $ = (id) => document.getElementById(id)
const el = (tag, cls, ...children) => {
  const e = document.createElement(tag)
  if (cls) e.className = cls
  e.append(...children)
  return e
}
const icon = (name) => {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg')
  const use = document.createElementNS('http://www.w3.org/2000/svg', 'use')
  use.setAttribute('href', '#i-' + name)
  svg.append(use)
  return svg
}

let world, seq = 0
let me = 0           // user ID of who we are
let room = ''        // name of the open chat
let topic = 0        // in a forum; 0 shows all
let messages = new Map() // of the open chat, by ID
let menu = []        // commands of the open chat
let menuAt = -1
let replyTo = null   // message
let editing = null   // message
const unread = new Map()  // by person and chat
const typing = new Map()  // by chat: time it ends
const drafts = new Map()  // by person and chat
const waiting = new Map() // pressed buttons by query ID
const early = new Map()   // answers that came before their query ID
const answered = new Set() // messages whose forced reply was made or dismissed

// Calls.

async function get(path) {
  const res = await fetch(path)
  if (!res.ok) throw new Error(await res.text())
  return res.json()
}

async function post(path, body) {
  const res = await fetch(path, {
    method: 'POST', headers: {'Content-Type': 'application/json', 'X-Chat': '1'},
    body: JSON.stringify({user: me, chat: room, ...body}),
  })
  if (!res.ok) throw new Error((await res.text()).trim())
  return res.json()
}

// The world.

const user = (id) => world.people.find((p) => p.id === id) || world.bots.find((b) => b.id === id)
const chatOf = (name) => world.chats.find((c) => c.name === name)
const mine = (c) => c.bot ? c.chat.id === me : c.members.includes(me)
const titleOf = (c) => c.bot ? user(c.bot).first_name : c.chat.title
const botsOf = (c) => c.bot ? [user(c.bot)] : world.bots.filter((b) => c.members.includes(b.id))

// hue gives everyone one of seven colours.
function hue(id) {
  let h = 7
  for (const c of String(id)) h = (h * 31 + c.charCodeAt(0)) >>> 0
  return h % 7
}

function face(node, id, name) {
  node.className = 'face hue' + hue(id)
  node.textContent = [...name.replace(/[^\p{L}\p{N} ]/gu, '')].slice(0, 1).join('').toUpperCase() || '?'
  return node
}

const two = (n) => String(n).padStart(2, '0')
const clock = (s) => { const d = new Date(s * 1000); return two(d.getHours()) + ':' + two(d.getMinutes()) }
const dayOf = (s) => new Date(s * 1000).toDateString()
function dayName(s) {
  const d = new Date(s * 1000), now = new Date()
  if (d.toDateString() === now.toDateString()) return 'Today'
  now.setDate(now.getDate() - 1)
  if (d.toDateString() === now.toDateString()) return 'Yesterday'
  return d.toLocaleDateString('en', {day: 'numeric', month: 'long', year: 'numeric'})
}
function size(n) {
  if (n < 1000) return n + ' B'
  return n < 1e6 ? (n / 1000).toFixed(1) + ' KB' : (n / 1e6).toFixed(1) + ' MB'
}

function summary(m) {
  if (!m) return ''
  if (m.document) return '📄 ' + m.document.file_name + (m.caption ? ' · ' + m.caption : '')
  return m.text || service(m) || ''
}

function service(m) {
  const by = m.from ? m.from.first_name : ''
  if (m.new_chat_members) return by + ' added ' + m.new_chat_members.map((u) => u.first_name).join(', ')
  if (m.left_chat_member) return by === m.left_chat_member.first_name ? by + ' left' : by + ' removed ' + m.left_chat_member.first_name
  return ''
}

// Chats.

function drawPeople() {
  $('people').replaceChildren(...world.people.map((p) => {
    const b = el('button', p.id === me ? 'on' : '')
    b.setAttribute('role', 'radio')
    b.setAttribute('aria-checked', p.id === me)
    b.dataset.user = p.id
    b.append(face(el('span'), p.id, p.first_name), el('span', 'name', p.first_name), el('small', p.role === 'stranger' ? 'warn' : '', p.role || ''))
    b.onclick = () => be(p.id)
    return b
  }))
}

function drawChats() {
  const chats = world.chats.filter(mine)
  const date = (c) => c.last ? c.last.date : 0
  chats.sort((a, b) => date(b) - date(a) || (b.bot || 0) - (a.bot || 0))
  $('chats').replaceChildren(...chats.map((c) => {
    const row = el('button', c.name === room ? 'on' : '')
    row.dataset.chat = c.name
    const last = c.last
    const text = isTyping(c.name) ? 'typing…' : summary(last).replace(/\s+/g, ' ')
    const author = last && !c.bot && last.from && last.sender_chat?.id !== c.chat.id && !service(last) ? (out(last) ? 'You' : last.sender_chat?.title || last.from.first_name) + ': ' : ''
    const count = unread.get(me + c.name) || 0
    row.append(face(el('span'), c.bot || c.chat.id, titleOf(c)),
      el('span', 'top', el('b', '', titleOf(c)), el('time', '', last ? clock(last.date) : '')),
      el('span', 'sub', el('span', isTyping(c.name) ? 'typing' : '', author && !isTyping(c.name) ? el('i', '', author) : '', text || 'No messages yet'), count ? el('em', '', String(count)) : ''))
    row.onclick = () => go(c.name)
    return row
  }))
  let total = 0
  for (const c of chats) total += unread.get(me + c.name) || 0
  document.title = (total ? '(' + total + ') ' : '') + (room ? titleOf(chatOf(room)) : 'Chats')
}

const isTyping = (name) => (typing.get(name) || 0) > Date.now()

function drawHead() {
  const c = chatOf(room)
  face($('face'), c.bot || c.chat.id, titleOf(c))
  $('title').textContent = titleOf(c)
  const t = isTyping(room)
  $('state').textContent = t ? 'typing' : c.bot ? 'bot' : c.chat.type === 'channel' ? 'channel' : c.members.length + ' members'
  $('state').className = t ? 'typing' : ''
  const who = user(me)
  $('me').replaceChildren(face(el('span'), who.id, who.first_name), el('span', '', who.first_name))
  $('me').setAttribute('aria-label', 'You are ' + who.first_name + '. Switch person')
  $('topics').hidden = !c.topics
  if (c.topics) {
    const tabs = [{id: 0, title: 'All'}, {id: 1, title: 'General'}, ...c.topics]
    $('topics').replaceChildren(...tabs.map((t) => {
      const b = el('button', t.id === topic ? 'on' : '', t.title)
      b.onclick = () => { topic = t.id; setHash(); drawHead(); drawMessages() }
      return b
    }))
  }
  $('text').placeholder = replyTo?.force_reply?.input_field_placeholder || (c.chat.type === 'channel' ? 'Broadcast' : 'Message')
}

// Messages.

const link = (text, title, cls) => {
  const a = el('span', 'link ' + (cls || ''), text)
  a.title = title
  a.onclick = (ev) => { ev.stopPropagation(); toast(title) }
  return a
}

const blocks = new Set(['pre', 'blockquote', 'expandable_blockquote'])

// rich turns a text with entities into nodes. Offsets count UTF-16 units, as
// strings here do.
function rich(text, entities, m) {
  const es = (entities || []).map((e) => ({...e, end: e.offset + e.length}))
    .sort((a, b) => a.offset - b.offset || b.end - a.end)
  let i = 0
  const walk = (from, to) => {
    const out = document.createDocumentFragment()
    let pos = from
    while (i < es.length && es[i].offset < to) {
      const e = es[i++]
      const start = Math.max(e.offset, pos), end = Math.min(e.end, to)
      if (end <= start) continue
      out.append(text.slice(pos, start))
      out.append(wrap(e, walk(start, end), text.slice(start, end), m))
      pos = end
      if (blocks.has(e.type) && text[pos] === '\n') pos++ // a block ends its line by itself
    }
    out.append(text.slice(pos, to))
    return out
  }
  return walk(0, text.length)
}

function wrap(e, inner, plain, m) {
  const tag = {bold: 'b', italic: 'i', underline: 'u', strikethrough: 's', code: 'code'}[e.type]
  if (tag) {
    const node = el(tag, '', inner)
    if (tag === 'code') node.onclick = () => copy(plain)
    return node
  }
  switch (e.type) {
    case 'pre': {
      const pre = el('pre', '', inner)
      pre.tabIndex = 0
      const b = el('button', 'copy', icon('copy'))
      b.setAttribute('aria-label', 'Copy')
      b.onclick = () => copy(plain)
      return el('div', 'pre', ...(e.language ? [el('span', 'lang', e.language)] : []), pre, b)
    }
    case 'blockquote': return el('blockquote', '', inner)
    case 'expandable_blockquote': {
      const q = el('blockquote', 'expandable', el('div', '', inner))
      const key = 'q' + e.offset
      const b = el('button', '', icon('down'))
      b.setAttribute('aria-label', 'Expand')
      const set = (on) => { q.classList.toggle('open', on); b.setAttribute('aria-expanded', on) }
      set(open.has(m.message_id + key))
      q.onclick = () => {
        const id = m.message_id + key
        open.has(id) ? open.delete(id) : open.add(id)
        set(open.has(id))
      }
      q.append(b)
      return q
    }
    case 'spoiler': {
      const s = el('span', 'spoiler', inner)
      s.tabIndex = 0
      s.onclick = () => s.classList.add('shown')
      return s
    }
    case 'text_link': return link(inner, e.url)
    case 'url': case 'email': return link(inner, plain)
    case 'bot_command': {
      const a = el('span', 'link command', inner)
      a.onclick = () => send(plain)
      return a
    }
    case 'mention': case 'text_mention': case 'hashtag': return el('span', 'link', inner)
  }
  return el('span', '', inner)
}
const open = new Set() // expanded quotes

const out = (m) => m.from && m.from.id === me && !m.sender_chat
const authorOf = (m) => m.sender_chat ? m.sender_chat.id : m.from ? m.from.id : 0

function bubble(m) {
  const li = el('li', 'msg')
  li.dataset.id = m.message_id
  const said = service(m)
  if (said) {
    li.classList.add('service')
    li.append(el('span', '', said))
    return li
  }
  const c = chatOf(room)
  li.classList.toggle('out', !!out(m))
  const body = el('div', 'bubble')
  if (!c.bot && !out(m)) {
    const name = m.sender_chat ? m.sender_chat.title : m.from ? m.from.first_name : ''
    const tag = m.sender_chat ? (m.sender_chat.id === c.chat.id ? 'anonymous admin' : 'channel') : m.from?.is_bot ? 'bot' : ''
    body.append(el('div', 'author ink' + hue(authorOf(m)), name, tag ? el('small', '', tag) : ''))
  }
  if (m.forward_origin) {
    const o = m.forward_origin
    const from = o.sender_user?.first_name || o.sender_user_name || o.sender_chat?.title || o.chat?.title || 'someone'
    body.append(el('div', 'forward', 'Forwarded from ', el('b', '', from)))
  }
  if (m.via_bot) body.append(el('div', 'forward', 'via ', el('b', '', '@' + (m.via_bot.username || 'bot'))))
  const r = m.reply_to_message
  if (r && !r.forum_topic_created) {
    const q = el('button', 'quote ink' + hue(authorOf(r)),
      el('b', '', r.from?.first_name || r.sender_chat?.title || ''), el('span', '', summary(messages.get(r.message_id) || r)))
    q.onclick = () => flash(r.message_id)
    body.append(q)
  }
  if (m.document) body.append(documentCard(m.document))
  const text = m.text || m.caption || ''
  const content = el('div', 'text')
  if (text) content.append(rich(text, m.entities || m.caption_entities, m))
  const meta = el('span', 'meta')
  const thread = !topic && c.topics?.find((t) => t.id === m.message_thread_id)
  if (thread) meta.append(el('span', '', '# ' + thread.title))
  if (m.silent) { const i = icon('mute'); i.setAttribute('class', 'silent'); meta.append(titled(i, 'Sent without sound')) }
  if (m.edited) meta.append(el('span', 'edited', 'edited'))
  meta.append(el('time', '', clock(m.date)))
  if (out(m)) { const i = icon('check'); i.setAttribute('class', 'check'); meta.append(i) }
  content.append(meta)
  body.append(content)
  li.append(body)
  if (m.reply_markup) li.append(keyboard(m))
  hold(body, (x, y) => messageMenu(m, x, y))
  body.ondblclick = (ev) => { if (!ev.target.closest('button,pre,a')) startReply(m) }
  return li
}

function titled(node, title) {
  const t = document.createElementNS('http://www.w3.org/2000/svg', 'title')
  t.textContent = title
  node.append(t)
  return node
}

function documentCard(d) {
  const a = el('a', 'document')
  a.href = '/chat/file/' + encodeURIComponent(d.file_id)
  a.download = d.file_name || 'file'
  a.append(el('span', 'disc', icon('file')), el('span', 'info', el('b', '', d.file_name || 'file'), el('small', '', size(d.file_size) + ' · ' + d.mime_type)))
  const box = el('div', '', a)
  if (/^text\/|json|xml|yaml|javascript/.test(d.mime_type) && d.file_size < 3e6) {
    const pre = el('pre', 'preview')
    box.append(pre)
    fetch(a.href).then((r) => r.text()).then((t) => {
      const lines = t.replace(/\n$/, '').split('\n')
      pre.textContent = lines.slice(0, 6).join('\n').slice(0, 900)
      const more = lines.length - 6
      if (more > 0) box.append(el('small', 'more', '+ ' + more + ' lines'))
      keepBottom()
    }).catch(() => pre.remove())
  }
  return box
}

function keyboard(m) {
  const k = el('div', 'keyboard')
  for (const row of m.reply_markup.inline_keyboard) {
    const r = el('div', 'row')
    for (const b of row) {
      const node = el('button', b.style || '', el('span', '', b.text))
      if (b.url) node.onclick = () => toast(b.url)
      else if (b.copy_text) node.onclick = () => copy(b.copy_text.text)
      else node.onclick = () => press(m, b, node)
      r.append(node)
    }
    k.append(r)
  }
  return k
}

async function press(m, b, node) {
  if (node.classList.contains('loading')) return
  node.classList.add('loading')
  try {
    const {query} = await post('/chat/press', {message: m.message_id, data: b.callback_data})
    waiting.set(query, node)
    if (early.has(query)) answer(early.get(query))
    setTimeout(() => { waiting.delete(query); node.classList.remove('loading') }, 30000)
  } catch (err) {
    node.classList.remove('loading')
    toast(err.message)
  }
}

function answer(d) {
  if (d.user !== me) return
  const node = waiting.get(d.query)
  if (!node) { early.set(d.query, d); return }
  waiting.delete(d.query)
  early.delete(d.query)
  node.classList.remove('loading')
  if (!d.text) return
  if (d.alert) {
    $('alert').firstElementChild.textContent = d.text
    $('alert').showModal()
  } else toast(d.text)
}

const visible = (m) => !topic || (m.message_thread_id || 1) === topic

function drawMessages() {
  const list = [...messages.values()].filter(visible).sort((a, b) => a.message_id - b.message_id)
  $('messages').replaceChildren(...list.map(bubble))
  layout()
  toBottom()
}

// layout joins messages of one author that follow each other, and marks days.
function layout() {
  const items = [...$('messages').children]
  let prev
  for (const li of items) {
    const m = messages.get(Number(li.dataset.id))
    if (!m) { continue }
    const newDay = !prev || dayOf(prev.date) !== dayOf(m.date)
    li.querySelector('.day')?.remove()
    if (newDay) li.prepend(el('div', 'day', el('span', '', dayName(m.date))))
    const joined = prev && !newDay && !service(prev) && authorOf(prev) === authorOf(m) && m.date - prev.date < 600 && !prev.reply_markup
    li.classList.toggle('joined', !!joined)
    if (li.previousElementSibling) li.previousElementSibling.classList.toggle('last', !joined)
    prev = m
  }
  items.at(-1)?.classList.add('last')
  $('messages').classList.toggle('none', items.length === 0)
}

let stick = true
const scroller = $('scroll')
const atBottom = () => scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 60
const toBottom = () => { scroller.scrollTop = scroller.scrollHeight; stick = true; missed(0) }
const keepBottom = () => { if (stick) scroller.scrollTop = scroller.scrollHeight }
scroller.addEventListener('scroll', () => {
  stick = atBottom()
  if (stick) missed(0)
  $('bottom').hidden = stick
}, {passive: true})
new ResizeObserver(keepBottom).observe($('messages'))
new ResizeObserver(keepBottom).observe(scroller)
let below = 0
function missed(n) {
  below = n
  $('bottom').querySelector('b').textContent = n ? String(n) : ''
}
$('bottom').onclick = () => scroller.scrollTo({top: scroller.scrollHeight, behavior: 'smooth'})

function flash(id) {
  const li = $('messages').querySelector(`[data-id="${id}"]`)
  if (!li) return
  li.scrollIntoView({block: 'center', behavior: 'smooth'})
  li.classList.remove('flash')
  void li.offsetWidth
  li.classList.add('flash')
}

// Changes from the server.

function apply(ev) {
  seq = ev.seq
  switch (ev.kind) {
    case 'reset': case 'world': return load()
    case 'commands': return loadMenu()
    case 'answer': return answer(ev.data)
    case 'action': return onTyping(ev.chat)
  }
  const c = chatOf(ev.chat)
  if (!c) return
  const m = ev.message
  if (ev.kind === 'message' && m) {
    c.last = m
    if (m.bot) typing.delete(ev.chat)
    if (mine(c) && ev.chat !== room && !out(m)) unread.set(me + ev.chat, (unread.get(me + ev.chat) || 0) + 1)
  } else if (ev.kind === 'edit' && m && c.last?.message_id === m.message_id) {
    c.last = m
  } else if (ev.kind === 'delete' && c.last?.message_id === ev.id) {
    c.last = [...(ev.chat === room ? messages.values() : [])].filter((x) => x.message_id !== ev.id).at(-1) || null
  }
  if (ev.chat === room) {
    const old = $('messages').querySelector(`[data-id="${ev.id}"]`)
    if (ev.kind === 'delete') {
      messages.delete(ev.id)
      if (replyTo?.message_id === ev.id || editing?.message_id === ev.id) dropContext()
      if (old) {
        old.style.setProperty('--h', old.offsetHeight + 'px')
        old.classList.add('gone')
        old.addEventListener('animationend', () => { old.remove(); layout() }, {once: true})
      }
    } else if (m && ev.kind === 'edit') {
      messages.set(m.message_id, m)
      if (old) {
        const left = [...old.querySelectorAll('pre')].map((p) => p.scrollLeft)
        const next = bubble(m)
        old.replaceWith(next)
        next.querySelectorAll('pre').forEach((p, i) => { p.scrollLeft = left[i] || 0 })
        layout()
        keepBottom()
      }
    } else if (m && !messages.has(m.message_id)) {
      messages.set(m.message_id, m)
      if (visible(m)) {
        const li = bubble(m)
        li.classList.add('new')
        $('messages').append(li)
        layout()
        if (out(m)) toBottom()
        else if (stick) keepBottom()
        else missed(below + 1)
      }
      forced(m)
    }
    drawHead()
  }
  drawChats()
}

function onTyping(name) {
  typing.set(name, Date.now() + 5000)
  setTimeout(() => { drawChats(); if (room) drawHead() }, 5050)
  drawChats()
  if (name === room) drawHead()
}

let stream
function listen() {
  stream?.close()
  stream = new EventSource('/chat/events?after=' + seq)
  stream.onmessage = (e) => apply(JSON.parse(e.data))
  stream.onopen = () => document.body.classList.remove('offline')
  stream.onerror = () => document.body.classList.add('offline')
}

// What the person does.

function setHash() {
  const h = '#' + [me, room, topic || ''].filter(Boolean).join('/')
  if (location.hash !== h) history.pushState(null, '', h)
}

const draftKey = () => me + room

async function go(name) {
  if (room) drafts.set(draftKey(), $('text').value)
  room = name
  topic = 0
  dropContext()
  setHash()
  await show()
}

async function be(id) {
  if (room) drafts.set(draftKey(), $('text').value)
  me = id
  const c = chatOf(room)
  if (c?.bot) room = 'p' + c.bot + '.' + me
  else if (c && !mine(c)) room = ''
  dropContext()
  setHash()
  drawPeople()
  await show()
}

async function show() {
  document.body.classList.toggle('in-room', !!room)
  drawPeople()
  if (room) {
    unread.delete(me + room)
    const name = room
    const h = await get('/chat/messages?chat=' + name)
    if (name !== room) return
    messages = new Map(h.messages.map((m) => [m.message_id, m]))
    $('text').value = drafts.get(draftKey()) || ''
    drawHead()
    drawMessages()
    const last = h.messages.at(-1)
    if (last) forced(last)
    loadMenu()
    grow()
    if (matchMedia('(hover: hover)').matches) $('text').focus()
  }
  drawChats()
}

async function loadMenu() {
  if (room) menu = await get('/chat/menu?chat=' + room + '&user=' + me)
  drawMenu()
}

function restore() {
  const [id, name, t] = location.hash.slice(1).split('/')
  me = user(Number(id)) ? Number(id) : world.people[0].id
  const c = name && chatOf(name)
  room = c && mine(c) ? name : ''
  topic = Number(t) || 0
}

async function load() {
  world = await get('/chat/world')
  seq = world.seq
  restore()
  await show()
  listen()
}

window.addEventListener('popstate', () => { restore(); dropContext(); show() })
$('back').onclick = () => { drafts.set(draftKey(), $('text').value); room = ''; setHash(); show() }

// A bot that asks for a reply opens the reply bar of those it asks.
function forced(m) {
  if (!m.force_reply || out(m) || answered.has(room + m.message_id)) return
  const me_ = user(me).username
  const forMe = !m.force_reply.selective || m.reply_to_message?.from?.id === me ||
    (m.entities || []).some((e) => e.user?.id === me || e.type === 'mention' && m.text.slice(e.offset + 1, e.offset + e.length) === me_)
  if (forMe) startReply(m)
}

function startReply(m) {
  editing = null
  replyTo = m
  drawContext('reply', m.from?.first_name || m.sender_chat?.title || '', summary(m))
  $('text').focus()
}

function startEdit(m) {
  replyTo = null
  editing = m
  $('text').value = m.text
  drawContext('edit', 'Edit message', m.text)
  grow()
  $('text').focus()
}

function drawContext(sign, head, text) {
  const box = $('context')
  box.hidden = false
  box.querySelector('use').setAttribute('href', '#i-' + sign)
  box.querySelector('strong').textContent = head
  box.querySelector('span').textContent = text.replace(/\s+/g, ' ')
  if (room) drawHead()
  keepBottom()
}

function dropContext() {
  if (replyTo) answered.add(room + replyTo.message_id)
  if (editing) $('text').value = ''
  replyTo = editing = null
  $('context').hidden = true
  if (world && room && chatOf(room)) drawHead()
}
$('context').querySelector('button').onclick = dropContext

async function send(text) {
  text = text.trim()
  if (!text || !room) return
  const reply = replyTo, edit = editing
  try {
    if (edit) await post('/chat/edit', {message: edit.message_id, text})
    else await post('/chat/send', {text, reply_to: reply?.message_id || 0, topic: reply ? 0 : topic > 1 ? topic : 0})
  } catch (err) {
    toast(err.message)
    return
  }
  editing = null
  dropContext()
  return true
}

async function submit() {
  const text = $('text').value
  if (!text.trim()) return
  $('text').value = ''
  grow()
  if (!await send(text)) $('text').value = text
  grow()
}

$('form').onsubmit = (ev) => { ev.preventDefault(); submit() }
$('send').onpointerdown = (ev) => ev.preventDefault() // the keyboard stays

function grow() {
  const t = $('text')
  t.style.height = 'auto'
  t.style.height = Math.min(t.scrollHeight, 160) + 'px'
  $('send').disabled = !t.value.trim()
  drawMenu()
  keepBottom()
}
$('text').oninput = () => { menuForced = false; grow() }

// The menu of commands.

let menuForced = false
function menuItems() {
  const v = $('text').value
  if (menuForced) return menu
  const m = /^\/([a-z0-9_]*)$/i.exec(v)
  return m ? menu.filter((c) => c.command.startsWith(m[1].toLowerCase())) : []
}

function drawMenu() {
  const items = menuItems()
  const many = new Set(menu.map((c) => c.bot)).size > 1
  menuAt = Math.min(Math.max(menuAt, -1), items.length - 1)
  $('menu').hidden = !items.length
  $('slash').hidden = !menu.length
  $('menu').replaceChildren(...items.map((c, i) => {
    const b = el('button', i === menuAt ? 'on' : '', el('b', '', '/' + c.command), el('span', '', c.description), many ? el('small', '', '@' + c.bot) : '')
    b.type = 'button'
    b.setAttribute('role', 'option')
    b.onpointerdown = (ev) => ev.preventDefault()
    b.onclick = () => pick(c, many)
    return b
  }))
}

function pick(c, many) {
  menuForced = false
  menuAt = -1
  $('text').value = ''
  send('/' + c.command + (many ? '@' + c.bot : ''))
  grow()
}

$('slash').onclick = () => {
  menuForced = $('menu').hidden
  menuAt = -1
  drawMenu()
}

$('text').onkeydown = (ev) => {
  const items = $('menu').hidden ? [] : menuItems()
  if (items.length && (ev.key === 'ArrowDown' || ev.key === 'ArrowUp')) {
    menuAt = (menuAt + (ev.key === 'ArrowDown' ? 1 : -1) + items.length) % items.length
    drawMenu()
    $('menu').children[menuAt]?.scrollIntoView({block: 'nearest'})
    ev.preventDefault()
  } else if (items.length && ev.key === 'Tab') {
    const many = new Set(menu.map((c) => c.bot)).size > 1
    const c = items[Math.max(menuAt, 0)]
    $('text').value = '/' + c.command + (many ? '@' + c.bot : '') + ' '
    menuForced = false
    menuAt = -1
    grow()
    ev.preventDefault()
  } else if (ev.key === 'Escape') {
    if (menuForced || items.length) { menuForced = false; $('menu').hidden = true } else dropContext()
  } else if (ev.key === 'Enter' && !ev.shiftKey && !ev.isComposing) {
    ev.preventDefault()
    if (menuAt >= 0 && items[menuAt]) pick(items[menuAt], new Set(menu.map((c) => c.bot)).size > 1)
    else submit()
  } else if (ev.key === 'ArrowUp' && !$('text').value) {
    const last = [...messages.values()].filter((m) => out(m) && m.text && visible(m)).at(-1)
    if (last) { startEdit(last); ev.preventDefault() }
  }
}

// Popups.

// hold calls f on a long press or a right click.
function hold(node, f) {
  let timer, start
  node.addEventListener('contextmenu', (ev) => { ev.preventDefault(); f(ev.clientX, ev.clientY) })
  node.addEventListener('pointerdown', (ev) => {
    if (ev.pointerType === 'mouse') return
    start = [ev.clientX, ev.clientY]
    timer = setTimeout(() => f(...start), 480)
  })
  const stop = (ev) => {
    if (ev.type === 'pointermove' && start && Math.hypot(ev.clientX - start[0], ev.clientY - start[1]) < 10) return
    clearTimeout(timer)
  }
  for (const t of ['pointerup', 'pointercancel', 'pointermove', 'pointerleave']) node.addEventListener(t, stop)
}

function popup(items, x, y) {
  const p = $('popup')
  p.replaceChildren(...items.map(([sign, label, f, cls]) => {
    const b = el('button', cls || '', typeof sign === 'string' ? icon(sign) : sign, el('span', '', label))
    b.setAttribute('role', 'menuitem')
    b.onclick = () => { p.hidden = true; f() }
    return b
  }))
  p.hidden = false
  p.style.left = Math.max(8, Math.min(x, innerWidth - p.offsetWidth - 8)) + 'px'
  p.style.top = Math.max(8, Math.min(y, innerHeight - p.offsetHeight - 8)) + 'px'
}
document.addEventListener('pointerdown', (ev) => { if (!$('popup').contains(ev.target)) $('popup').hidden = true })

function messageMenu(m, x, y) {
  const items = [['reply', 'Reply', () => startReply(m)], ['copy', 'Copy text', () => copy(m.text || m.caption || '')]]
  if (out(m) && m.text) items.push(['edit', 'Edit', () => startEdit(m)])
  if (out(m) || chatOf(room).bot) {
    items.push(['trash', 'Delete', () => post('/chat/delete', {message: m.message_id}).catch((e) => toast(e.message)), 'danger'])
  }
  popup(items, x, y)
}

$('me').onclick = () => {
  const r = $('me').getBoundingClientRect()
  popup(world.people.map((p) => [face(el('span'), p.id, p.first_name), p.first_name + (p.role ? ' · ' + p.role : ''), () => be(p.id), p.id === me ? 'on' : '']), r.right, r.bottom + 6)
}

let toastTimer
function toast(text) {
  const t = $('toast')
  t.textContent = text
  t.hidden = false
  clearTimeout(toastTimer)
  toastTimer = setTimeout(() => { t.hidden = true }, 3500)
}

function copy(text) {
  navigator.clipboard?.writeText(text).then(() => toast('Copied'), () => toast('Copying is not allowed here'))
}

$('alert').querySelector('button').onclick = (ev) => { ev.preventDefault(); $('alert').close() }

load().catch((err) => toast(err.message))
