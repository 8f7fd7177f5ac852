/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 The avrig authors
 *
 * The bell: a sleeper that waits for F steps of progress, and a waker that makes them. One word
 * says that the sleeper sleeps or is about to; the first who rings takes it back. The futex sleeps
 * only while that word still says so, checked and done in one step as the kernel does. A lost wake
 * shows as a deadlock. With TIMED the sleeper wakes by itself, which is what saves it when a waker
 * is killed between its progress and its ring, or between taking the word back and the system call.
 *
 * With SECOND_WAKER two make progress in turn, as an editor and a maker do for one follower.
 */
#define F 3

byte progress;
bool flag, asleep; /* the word; the kernel's queue */
#ifdef OTHER_WORD
byte word; /* a mutant's: it sleeps while this one is as it saw it */
#endif
#ifdef WAKER_DIES
bool may_die = true;
#endif

proctype Sleeper() {
  byte want = 1;
#ifdef OTHER_WORD
  byte seen;
#endif
  do
  :: want > F -> break
  :: want <= F ->
     do
     :: progress >= want -> break
     :: else ->
#ifdef OTHER_WORD
        seen = word;
#endif
#ifdef FLAG_LATE
        if :: progress >= want -> break :: else fi;
        flag = true;
#else
        flag = true;
#ifndef NO_SECOND_CHECK
        if :: progress >= want -> break :: else fi;
#endif
#endif
#ifdef OTHER_WORD
        if
        :: atomic { word == seen -> asleep = true }
        :: word != seen
        fi;
#else
        if
        :: atomic { flag -> asleep = true }
        :: !flag
        fi;
#endif
        do
        :: !asleep -> break
#ifdef TIMED
        :: asleep -> asleep = false
#endif
        od
     od;
     flag = false;
     want = progress + 1
  od
}

byte turns; /* made so far, by either waker */

proctype Waker() {
  byte made;
  bool was;
  do
  :: atomic { turns >= F -> break }
  :: atomic { turns < F -> turns++; made = turns };
#ifdef RELAXED
     /* The store may become visible after the load: a store buffer. */
     was = flag;
     (progress == made - 1);
     progress = made;
#else
     (progress == made - 1);
     progress = made;
#ifdef WAKER_DIES
     if
     :: may_die -> may_die = false; goto next /* its successor goes on with the next frame */
     :: skip
     fi;
#endif
     was = flag;
#endif
     if
     :: was ->
#ifdef OTHER_WORD
        /* Used up, though the sleeper may have set it for a later step and sleeps on another. */
        word = made;
        flag = false;
        asleep = false
#else
        atomic { was = flag; flag = false };
        if
        :: was ->
#ifdef WAKER_DIES
           if
           :: may_die -> may_die = false; goto next
           :: skip
           fi;
#endif
           asleep = false
        :: else
        fi
#endif
     :: else
     fi;
#ifdef WAKER_DIES
next: skip
#endif
  od
}

init {
  atomic {
    run Sleeper();
    run Waker();
#ifdef SECOND_WAKER
    run Waker()
#endif
  }
}
