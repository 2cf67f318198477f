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
	paths := object{}
	for _, r := range routes() {
		paths[r.path] = object{"get": r.operation()}
	}
	return encode(typeJSON, object{
		"openapi": "3.1.0",
		"info": object{
			"title": "podfacts", "version": "1",
			"description": "What a pod knows of itself, for its containers. HEAD is answered like GET.",
			"license":     object{"name": "Apache 2.0", "identifier": "Apache-2.0"},
		},
		"servers":    []any{object{"url": "/"}},
		"paths":      paths,
		"components": object{"schemas": schemas()},
	})
}

// object is one of JSON.
type object = map[string]any

func (r route) operation() object {
	responses := object{"200": r.success()}
	if r.answer != nil {
		responses["304"] = object{"description": "what If-None-Match names is what there is", "headers": etagHeader()}
	}
	for _, status := range r.failures() {
		failure := object{"description": http.StatusText(status), "content": object{
			mediaType(typeProblem): object{"schema": ref("Problem")},
			mediaType(typeText):    object{"schema": object{"type": "string"}},
		}}
		if status == http.StatusServiceUnavailable {
			failure["headers"] = object{"Retry-After": header("seconds", object{"type": "integer"})}
		}
		responses[strconv.Itoa(status)] = failure
	}
	operation := object{"operationId": r.id, "summary": r.summary, "responses": responses, "security": []any{}}
	if r.doc != "" {
		operation["description"] = r.doc
	}
	if params := r.parameters(); len(params) > 0 {
		operation["parameters"] = params
	}
	return operation
}

// failures are the statuses of a route that are no success.
func (r route) failures() []int {
	all := append([]int{http.StatusBadRequest, http.StatusForbidden, http.StatusNotAcceptable}, r.fails...)
	if !r.fixed {
		all = append(all, http.StatusServiceUnavailable)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func (r route) success() object {
	content := object{}
	for _, kind := range r.kinds {
		schema := object{"type": "string"}
		switch {
		case r.id == "view" && kind != typeText:
			schema = object{"anyOf": []any{object{"type": "object"}, object{"type": "array", "items": ref("Origin")}}}
		case r.id == "env" && (kind == typeJSON || kind == typeYAML):
			schema = object{"type": "object", "additionalProperties": object{"type": "string"}}
		case r.id == "openapi":
			schema = object{"type": "object"}
		case kind == typeJSON, kind == typeYAML:
			schema = object{} // whatever a fact is
		}
		content[mediaType(kind)] = object{"schema": schema}
	}
	success := object{"description": r.summary, "content": content}
	if r.answer != nil {
		success["headers"] = etagHeader()
	}
	return success
}

func (r route) parameters() []any {
	var all []any
	if strings.HasSuffix(r.path, factParam) {
		all = append(all, object{
			"name": strings.Trim(factParam, "{}"), "in": "path", "required": true, "schema": object{"type": "string"}, "example": "pod.name",
			"description": "the path of a fact, or its parts with slashes between them",
		})
	}
	for _, p := range r.params {
		schema := object{"type": "string"}
		if p.enum != nil {
			schema["enum"] = p.enum
		}
		var example any = p.example
		if p.list {
			schema, example = object{"type": "array", "items": schema}, []string{p.example}
		}
		param := object{"name": p.name, "in": "query", "description": p.doc, "schema": schema}
		if p.example != "" {
			param["example"] = example
		}
		all = append(all, param)
	}
	name, doc := "If-None-Match", "the ETag of an answer that is there already"
	if r.stream != nil {
		name, doc = "Last-Event-ID", "the id of the last event that was heard"
	}
	return append(all, object{"name": name, "in": "header", "description": doc, "schema": object{"type": "string"}})
}

func etagHeader() object {
	return object{"ETag": header("strong validator of the answer", object{"type": "string"})}
}

func header(doc string, schema object) object {
	return object{"description": doc, "schema": schema}
}

func ref(name string) object { return object{"$ref": "#/components/schemas/" + name} }

// mediaType is a content type without its charset.
func mediaType(kind string) string {
	kind, _, _ = strings.Cut(kind, ";")
	return kind
}

func schemas() object {
	text, moment := object{"type": "string"}, object{"type": "string", "format": "date-time"}
	flag := object{"type": "boolean"}
	return object{
		"Problem": object{
			"type": "object", "description": "RFC 9457", "required": []string{"title", "status", "detail"},
			"properties": object{
				"title": text, "status": object{"type": "integer"}, "detail": text, "fact": text, "reason": text, "hint": text,
			},
		},
		"Origin": object{
			"type": "object", "required": []string{"source"},
			"properties": object{
				"fact": text, "value": object{}, "source": text, "from": text, "confirmed": moment, "written": moment,
				"stale": flag, "unset": flag, "sensitive": flag, "others": object{"type": "array", "items": ref("Origin")},
			},
		},
		"Event": object{
			"type": "object", "required": []string{"changed"}, "description": "the data of an event of /v1/watch",
			"properties": object{"since": text, "changed": object{"type": "array", "items": text}},
		},
	}
}
