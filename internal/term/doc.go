// Package term shows a running program on a terminal: a view that is redrawn in
// place, bars, and numbers for people.
//
//	the      ████████████████████████████  184 201
//	and      █████████████████▉            118 330
//	of       ███████████████▍              101 876
//
//	input    █████████████████▏             61 %  ETA 4 s
//
// A view uses the cursor, never the alternate screen, so that its last frame
// stays in the scrollback and there is nothing to restore when the program dies.
// Everything else here is a function of its arguments.
//
// Commands and examples call it. A Live belongs to one goroutine.
//
// Text that comes from elsewhere goes through Printable before it is drawn:
// an escape sequence in somebody's file must not reach the terminal.
//
// Control sequences: ECMA-48, which xterm, the consoles of Linux, macOS and
// Windows 10 follow. Colours: https://no-color.org.
package term
