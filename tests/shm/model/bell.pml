/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 The avrig authors
 *
 * The bell: a sleeper that waits for F steps of progress, and a waker that makes them. The futex
 * sleeps only while the word is what the sleeper last saw, checked and done in one step as the
 * kernel does. A lost wake shows as a deadlock. With TIMED the sleeper wakes by itself, which is
 * what saves it when a waker is killed between its progress and its ring.
 */
#define F 3

byte progress, word;
bool waiting, asleep;
#ifdef WAKER_DIES
bool may_die = true;
#endif

proctype Sleeper() {
  byte want = 1, seen;
  do
  :: want > F -> break
  :: want <= F ->
     do
     :: progress >= want -> break
     :: else ->
        seen = word;
#ifdef WAITING_LATE
        if :: progress >= want -> break :: else fi;
        waiting = true;
#else
        waiting = true;
#ifndef NO_SECOND_CHECK
        if :: progress >= want -> break :: else fi;
#endif
#endif
        if
        :: atomic { word == seen -> asleep = true }
        :: word != seen
        fi;
        do
        :: !asleep -> break
#ifdef TIMED
        :: asleep -> asleep = false
#endif
        od
     od;
     waiting = false;
     want = progress + 1
  od
}

proctype Waker() {
  byte made;
  do
  :: made >= F -> break
  :: made < F ->
     made++;
#ifdef RELAXED
     /* The store may become visible after the load: a store buffer. */
     bool seen_waiting = waiting;
     progress = made;
     if
     :: seen_waiting ->
#else
     progress = made;
#ifdef WAKER_DIES
     if
     :: may_die -> may_die = false; goto next /* its successor goes on with the next frame */
     :: skip
     fi;
#endif
     if
     :: waiting ->
#endif
#ifndef WORD_UNCHANGED
        word = word + 1;
#endif
        asleep = false
     :: else
     fi;
#ifdef WAKER_DIES
next: skip
#endif
  od
}

init { atomic { run Sleeper(); run Waker() } }
