/* SPDX-License-Identifier: MIT
 * Copyright (c) 2026 The avrig authors
 *
 * A lossless ring: a maker, an editor that heals by undo, a looker of the edited frame. Each may be
 * killed between any two stores, and its successor goes on from shared memory alone.
 *
 * A buffer has two halves, so that a half-done write or edit can be seen. The source is the frames
 * 0..F-1; frame s must carry source position s, edited exactly once. The model's steps are single
 * stores; which order weaker hardware may give them is not its subject (see live.pml, bell.pml).
 */
#define F 4 /* frames */
#define N 2 /* slots */
#define B 2 /* buffers */
#define W 2 /* window */
#ifndef CRASHES
#define CRASHES 2
#endif

byte word[N];   /* sequence + 1, 0 = none: the commit; with it, the buffer's name */
byte name[N];
byte body[N];   /* sequence in the descriptor's body */
byte origin[N]; /* source position behind this frame */
byte source1[B], source2[B], edits1[B], edits2[B];
byte done_e, hold_e, done_l, hold_l;
byte tag, image1, image2, image_of; /* the before-image, and whose it is: tag last */
byte private_position;              /* a mutant's */
bool kill[3];

#define LOWEST_HOLD (hold_e < hold_l -> hold_e : hold_l)
#ifdef HOLD_IGNORED
#define BARRIER done_e
#else
#define BARRIER LOWEST_HOLD
#endif
#define NAMES(slot, b) (word[slot] != 0 && name[slot] == b && word[slot] > BARRIER)
#define USED(b) (NAMES(0, b) || NAMES(1, b))
#define NEWEST(slot) (word[slot] != 0 && body[slot] == word[slot] - 1 && word[slot] > head)

proctype Maker() {
  byte head, position, b;
start:
  {
    d_step {
      head = 0;
      position = 0;
      if :: NEWEST(0) -> head = word[0]; position = origin[0] :: else fi;
      if :: NEWEST(1) -> head = word[1]; position = origin[1] :: else fi;
#ifdef OWN_POSITION
      position = private_position;
#endif
    }
    do
    :: position >= F -> break
    :: position < F ->
       (head - BARRIER < W);
       if
       :: !USED(0) -> b = 0
       :: !USED(1) -> b = 1
       fi;
#ifdef WORD_FIRST
       body[head % N] = head;
       origin[head % N] = position + 1;
       d_step { word[head % N] = head + 1; name[head % N] = b };
#endif
       edits1[b] = 0;
       edits2[b] = 0;
       source1[b] = position;
       source2[b] = position;
#ifndef WORD_FIRST
       body[head % N] = head;
       origin[head % N] = position + 1;
       d_step { word[head % N] = head + 1; name[head % N] = b };
#endif
       private_position = position + 1;
       head++;
       position++
    od
  } unless { atomic { kill[0] -> kill[0] = false }; goto start }
}

proctype Editor() {
  byte s, b;
start:
  {
    s = done_e;
#ifndef NO_RESTORE
    if
    :: tag == s + 1 -> edits1[image_of] = image1; edits2[image_of] = image2
    :: else
    fi;
#endif
#ifndef KEEPS_HOLD
    hold_e = s;
#endif
    do
    :: s >= F -> break
    :: s < F ->
       (word[s % N] == s + 1);
       b = name[s % N];
#ifdef DONE_EARLY
       done_e = s + 1;
#endif
#ifndef NO_IMAGE
       if
       :: tag == s + 1
       :: else ->
#ifdef TAG_FIRST
          tag = s + 1;
#endif
          image1 = edits1[b];
          image2 = edits2[b];
          image_of = b;
          tag = s + 1
       fi;
#endif
       edits1[b] = edits1[b] + 1;
       edits2[b] = edits2[b] + 1;
       done_e = s + 1;
       hold_e = s + 1;
       s++
    od
  } unless { atomic { kill[1] -> kill[1] = false }; goto start }
}

proctype Looker() {
  byte s, b;
start:
  {
    s = done_l;
    hold_l = s;
    do
    :: s >= F -> break
    :: s < F ->
       (word[s % N] == s + 1 && done_e > s);
       b = name[s % N];
       assert(source1[b] == s && edits1[b] == 1);
       assert(source2[b] == s && edits2[b] == 1);
       done_l = s + 1;
       hold_l = s + 1;
       s++
    od
  } unless { atomic { kill[2] -> kill[2] = false }; goto start };
  assert(done_l == F)
}

proctype Killer() {
  byte left = CRASHES;
  do
  :: left > 0 -> left--; if :: kill[0] = true :: kill[1] = true :: kill[2] = true fi
  :: break
  od
}

init { atomic { run Maker(); run Editor(); run Looker(); run Killer() } }
