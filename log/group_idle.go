package log

import (
	"errors"
	"time"
)

// idleInterval is how often the coordinator looks for groups that nobody uses.
const idleInterval = 10 * time.Minute

// idleGroups counts how long groups had no member, no claim and no commit. It
// counts the time in which it looked, in small portions, so that neither a
// clock that jumps nor a month in which the log was closed makes a group old.
type idleGroups struct {
	last    time.Time                // it looked
	elapsed time.Duration            // since the log was opened
	since   map[string]time.Duration // when a group was first seen idle, in elapsed
}

// active notes that somebody uses a group.
func (i *idleGroups) active(group string) { delete(i.since, group) }

// look counts the time that has passed, and returns false before it is time to
// look again.
func (i *idleGroups) look(now time.Time) bool {
	passed := now.Sub(i.last)
	if passed >= 0 && passed < idleInterval {
		return false
	}
	i.last = now
	i.elapsed += min(max(passed, 0), 2*idleInterval)
	return true
}

// expire forgets the groups, and their offsets, that nobody has used for
// Config.OffsetsRetention.
func (g *groups) expire() error {
	var errs []error
	for _, group := range g.expired() {
		err := g.remove(group, func() bool { return g.idleTooLongLocked(group) })
		switch {
		case errors.Is(err, errInUse): // by now
		case err != nil:
			errs = append(errs, err)
		default:
			g.b.cfg.Logger.Info("group expired", "group", group, "retention", g.b.cfg.OffsetsRetention)
		}
	}
	return errors.Join(errs...)
}

// expired notes which groups are idle and returns those that were for too long.
func (g *groups) expired() (old []string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.mu.idle.look(g.b.cfg.Now()) {
		return nil
	}
	names := g.namesLocked()
	for _, d := range g.mu.coord.List() {
		names = append(names, d.Group) // also one of which nothing could be written
	}
	known := make(map[string]bool, len(names))
	for _, group := range names {
		known[group] = true
		if !g.emptyLocked(group) {
			g.mu.idle.active(group)
			continue
		}
		if _, ok := g.mu.idle.since[group]; !ok {
			g.mu.idle.since[group] = g.mu.idle.elapsed
		}
		if g.idleTooLongLocked(group) {
			old = append(old, group)
		}
	}
	for group := range g.mu.idle.since {
		if !known[group] {
			delete(g.mu.idle.since, group)
		}
	}
	return old
}

func (g *groups) idleTooLongLocked(group string) bool {
	since, ok := g.mu.idle.since[group]
	return ok && g.mu.idle.elapsed-since >= g.b.cfg.OffsetsRetention
}
