/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 The avrig authors
 *
 * How many are worth waking for: a maker that has filled its window asks for K frames of room, two
 * followers ask for K frames, the second comes behind the first. Each says in a word of its own what
 * it wants; who makes progress looks whether somebody sleeps, then at that word, and where it wants
 * more than there is, owes the ring until it has nothing more to do itself. The second follower
 * keeps the last KEPT frames until the end. Somebody asleep for ever shows as a deadlock.
 */
#ifndef F
#define F 5 /* frames; the last is the end mark */
#endif
#ifndef W
#define W 4 /* window */
#endif
#ifndef K
#define K 2 /* worth waking for */
#endif
#ifndef KEPT
#define KEPT 3
#endif

byte head, done1, hold1, done2, hold2;
byte room;    /* the maker's word: the least hold it wants; 0 = any */
byte wanted2; /* the second follower's: how many frames it wants; 0 = the first */
bool flag[3], asleep[3];
#ifdef WAKER_DIES
bool may_die = true;
#endif

#define LEAST (hold1 < hold2 -> hold1 : hold2)

inline sleep(who) {
  if
  :: atomic { flag[who] -> asleep[who] = true }
  :: !flag[who]
  fi;
  do
  :: !asleep[who] -> break
#ifdef TIMED
  :: asleep[who] -> asleep[who] = false
#endif
  od
}

inline ring(who) {
  if
  :: atomic { flag[who] -> flag[who] = false }; asleep[who] = false
  :: !flag[who]
  fi
}

proctype Maker() {
  byte want;
  do
  :: head == F -> break
  :: head < F ->
     do
     :: head - LEAST < W -> break
     :: head - LEAST >= W ->
        flag[0] = true;
        room = head - W + K;
#ifndef NO_SECOND_CHECK
        if :: head - LEAST < W -> break :: else fi;
#endif
        sleep(0)
     od;
     flag[0] = false;
     room = 0;
     head = head + 1;
     ring(1)
  od
}

inline ring_maker(owes) {
  if
  :: flag[0] ->
     want = room;
     least = LEAST;
     if
     :: want != 0 && least < want -> owes = true
     :: else -> ring(0)
     fi
  :: else
  fi
}

inline settle_maker(owes) {
#ifdef NEVER_SETTLES
  skip
#else
  if
  :: owes ->
     owes = false;
     if :: head - LEAST < W -> ring(0) :: else fi
  :: else
  fi
#endif
}

proctype First() {
  byte s, want, least;
  bool owes_maker, owes_second;
  do
  :: s == F -> break
  :: s < F ->
     do
     :: head > s -> break
     :: head <= s ->
        flag[1] = true;
        if :: head > s -> break :: else fi;
        settle_maker(owes_maker);
#ifndef NEVER_SETTLES
        if :: owes_second -> owes_second = false; ring(2) :: else fi;
#endif
        if :: head > s -> break :: else fi;
        sleep(1)
     od;
     flag[1] = false;
     s++;
     done1 = s;
#ifdef WAKER_DIES
     if
     :: may_die -> may_die = false; goto next /* before its ring, and forgetting what it owes */
     :: skip
     fi;
#endif
     if
     :: flag[2] ->
        want = wanted2;
#ifdef MARK_WAITS
        if :: done1 < want -> owes_second = true :: else -> ring(2) fi
#else
        if :: done1 < want && s < F -> owes_second = true :: else -> ring(2) fi
#endif
     :: else
     fi;
#ifdef WAKER_DIES
next: skip;
#endif
     hold1 = s;
     ring_maker(owes_maker)
  od
}

proctype Second() {
  byte s, want, least;
  bool owes_maker;
  do
  :: s == F -> break
  :: s < F ->
     do
     :: done1 > s -> break
     :: done1 <= s ->
        flag[2] = true;
        wanted2 = s + K;
        settle_maker(owes_maker);
        if :: done1 > s -> break :: else fi;
        sleep(2)
     od;
     flag[2] = false;
     s++;
     done2 = s;
     if
     :: s > KEPT -> hold2 = s - KEPT; ring_maker(owes_maker)
     :: else
     fi
  od;
  hold2 = F;
  ring(0)
}

init { atomic { run Maker(); run First(); run Second() } }
