/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 The avrig authors
 *
 * A live ring: a maker that never waits takes the oldest frame's buffer away by raising `floor`,
 * unless its looker has begun it. begun/floor are a Dekker pair: each side stores its own word and
 * then loads the other's. Maker and looker may be killed between any two stores.
 */
#define F 5 /* frames */
#define B 2 /* buffers: one in hand, one to write */
#ifndef CRASHES
#define CRASHES 2
#endif

byte head;    /* frames published */
byte name[F]; /* the buffer of each */
byte half1[B], half2[B]; /* sequence + 1 of the frame in it */
byte floor, begun, done, hold;
bool kill[2];

#ifdef STALE_BEGUN
#define BEGUN seen_begun
#else
#define BEGUN begun
#endif
#define LET_GO(s) ((s) < hold || ((s) < floor && (s) >= BEGUN))
#define NAMES(s, b) ((s) < head && name[s] == b && !LET_GO(s))
#define USED(b) (NAMES(0, b) || NAMES(1, b) || NAMES(2, b) || NAMES(3, b) || NAMES(4, b))

proctype Maker() {
  byte b, seen_begun;
start:
  {
    do
    :: head >= F -> break
    :: head < F ->
#ifdef STALE_BEGUN
       seen_begun = begun;
#endif
       do
       :: !USED(0) -> b = 0; break
       :: !USED(1) -> b = 1; break
       :: USED(0) && USED(1) && floor < head -> floor = floor + 1
       od;
       half1[b] = head + 1;
       half2[b] = head + 1;
       name[head] = b;
       head = head + 1
    od
  } unless { atomic { kill[0] -> kill[0] = false }; goto start }
}

proctype Looker() {
  byte s, b;
start:
  {
    hold = done; /* a successor without history lets go what was completed */
    do
    :: done >= F -> break
    :: done < F ->
       s = done;
       if
       :: floor > s -> /* lost: begun first, so that done never passes it */
          s = floor;
          if :: begun < s -> begun = s :: else fi;
          done = s;
          hold = s
       :: else ->
          (head > s || floor > s);
          if
          :: floor > s -> skip
          :: else ->
#ifdef CHECK_FIRST
             if
             :: floor > s -> skip
             :: else ->
                begun = s + 1;
#else
             begun = s + 1;
             if
             :: floor > s -> skip
             :: else ->
#endif
                b = name[s];
                assert(half1[b] == s + 1);
                assert(half2[b] == s + 1);
                done = s + 1;
                hold = s + 1
             fi
          fi
       fi
    od
  } unless { atomic { kill[1] -> kill[1] = false }; goto start }
}

proctype Killer() {
  byte left = CRASHES;
  do
  :: left > 0 -> left--; if :: kill[0] = true :: kill[1] = true fi
  :: break
  od
}

init { atomic { run Maker(); run Looker(); run Killer() } }
