package metadata

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// openAPIAnswer describes the routes. https://spec.openapis.org/oas/v3.1.0
func openAPIAnswer(q *request) (answer, error) {
	if _, err := q.accepts(typeJSON); err != nil {
		return answer{}, err
	}
	paths := dict{}
	for _, r := range routes() {
		paths[r.path] = dict{"get": r.operation()}
	}
	return encode(typeJSON, dict{
		"openapi": "3.1.0",
		"info": dict{
			"title": "podfacts", "version": "1",
			"description": "What a pod knows of itself, for its containers. HEAD is answered like GET.",
			"license":     dict{"name": "Apache 2.0", "identifier": "Apache-2.0"},
		},
		"servers":    []any{dict{"url": "/"}},
		"paths":      paths,
		"components": dict{"schemas": schemas()},
	})
}

// dict is an object of JSON.
type dict = map[string]any

func (r *route) operation() dict {
	responses := dict{"200": r.success()}
	if r.answer != nil {
		responses["304"] = dict{"description": "what If-None-Match names is what there is", "headers": etagHeader()}
	}
	for _, status := range r.failures() {
		failure := dict{"description": http.StatusText(status), "content": dict{
			mediaType(typeProblem): dict{"schema": ref("Problem")},
			mediaType(typeText):    dict{"schema": dict{"type": "string"}},
		}}
		if status == http.StatusServiceUnavailable {
			failure["headers"] = dict{"Retry-After": header("seconds", dict{"type": "integer"})}
		}
		responses[strconv.Itoa(status)] = failure
	}
	operation := dict{"operationId": r.id, "summary": r.summary, "responses": responses, "security": []any{}}
	if r.doc != "" {
		operation["description"] = r.doc
	}
	if params := r.parameters(); len(params) > 0 {
		operation["parameters"] = params
	}
	return operation
}

// failures are the statuses of a route that are no success.
func (r *route) failures() []int {
	all := append([]int{http.StatusBadRequest, http.StatusForbidden, http.StatusNotAcceptable}, r.fails...)
	if !r.fixed {
		all = append(all, http.StatusServiceUnavailable)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func (r *route) success() dict {
	content := dict{}
	for _, kind := range r.kinds {
		schema := dict{"type": "string"}
		switch {
		case r.id == "view" && kind != typeText:
			schema = dict{"anyOf": []any{dict{"type": "object"}, dict{"type": "array", "items": ref("Origin")}}}
		case r.id == "env" && (kind == typeJSON || kind == typeYAML):
			schema = dict{"type": "object", "additionalProperties": dict{"type": "string"}}
		case r.id == "openapi":
			schema = dict{"type": "object"}
		case kind == typeJSON, kind == typeYAML:
			schema = dict{} // whatever a fact is
		}
		content[mediaType(kind)] = dict{"schema": schema}
	}
	success := dict{"description": r.summary, "content": content}
	if r.answer != nil {
		success["headers"] = etagHeader()
	}
	return success
}

func (r *route) parameters() []any {
	var all []any
	if strings.HasSuffix(r.path, factParam) {
		all = append(all, dict{
			"name": strings.Trim(factParam, "{}"), "in": "path", "required": true, "schema": dict{"type": "string"}, "example": "pod.name",
			"description": "the path of a fact, or its parts with slashes between them",
		})
	}
	for _, p := range r.params {
		schema := dict{"type": "string"}
		if p.enum != nil {
			schema["enum"] = p.enum
		}
		var example any = p.example
		if p.list {
			schema, example = dict{"type": "array", "items": schema}, []string{p.example}
		}
		param := dict{"name": p.name, "in": "query", "description": p.doc, "schema": schema}
		if p.example != "" {
			param["example"] = example
		}
		all = append(all, param)
	}
	name, doc := "If-None-Match", "the ETag of an answer that is there already"
	if r.stream != nil {
		name, doc = "Last-Event-ID", "the id of the last event that was heard"
	}
	return append(all, dict{"name": name, "in": "header", "description": doc, "schema": dict{"type": "string"}})
}

func etagHeader() dict {
	return dict{"ETag": header("strong validator of the answer", dict{"type": "string"})}
}

func header(doc string, schema dict) dict {
	return dict{"description": doc, "schema": schema}
}

func ref(name string) dict { return dict{"$ref": "#/components/schemas/" + name} }

// mediaType is a content type without its charset.
func mediaType(kind string) string {
	kind, _, _ = strings.Cut(kind, ";")
	return kind
}

func schemas() dict {
	text, moment := dict{"type": "string"}, dict{"type": "string", "format": "date-time"}
	flag := dict{"type": "boolean"}
	return dict{
		"Problem": dict{
			"type": "object", "description": "RFC 9457", "required": []string{"title", "status", "detail"},
			"properties": dict{
				"title": text, "status": dict{"type": "integer"}, "detail": text, "fact": text, "reason": text, "hint": text,
			},
		},
		"Origin": dict{
			"type": "object", "required": []string{"source"},
			"properties": dict{
				"fact": text, "value": dict{}, "source": text, "from": text, "confirmed": moment, "written": moment,
				"stale": flag, "unset": flag, "sensitive": flag, "others": dict{"type": "array", "items": ref("Origin")},
			},
		},
		"Event": dict{
			"type": "object", "required": []string{"changed"}, "description": "the data of an event of /v1/watch",
			"properties": dict{"since": text, "changed": dict{"type": "array", "items": text}},
		},
	}
}
